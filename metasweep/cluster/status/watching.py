"""Waits for jobs and shows their output."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click

from metasweep.cluster.schedulers import Job, Scheduler
from metasweep.cluster.submission import Submission

ARRIVAL_SECONDS = 5  # shared storage may show the last lines of an output late


def wait(submission: Submission, scheduler: Scheduler, interval: float) -> int:
    """Wait until the only job of a submission has ended. Return its program's exit status, or 1 without one.

    A job that can never run is cancelled, and click.ClickException is raised.
    """
    said = ""
    while True:
        job = next(iter(scheduler.jobs(submission.job_id)), None)
        if job is None or job.state == "ended":
            return result(submission, job)
        comment = scheduler.explain(job.comment) if job.state == "queued" else f"runs on {job.node}"
        if comment.startswith("can never run"):
            scheduler.cancel(submission.job_ids)
            raise click.ClickException(
                f"{submission.job_id} {comment}".replace("cancel it and", "it is cancelled;")
            )
        if comment and comment != said:
            said = comment
            click.echo(f"{submission.job_id} {comment}", err=True)
        time.sleep(interval)


def is_living(scheduler: Scheduler, job_id: str) -> bool:
    """Return whether a job, or any of its members, has not ended."""
    return any(job.state != "ended" for job in scheduler.jobs(job_id))


def wait_for_end(scheduler: Scheduler, job_ids: list[str], seconds: float, interval: float) -> list[str]:
    """Wait at most `seconds` until jobs have ended; return the ids of those that have not."""
    deadline = time.monotonic() + seconds
    while (left := [one for one in job_ids if is_living(scheduler, one)]) and time.monotonic() < deadline:
        time.sleep(min(interval, 1.0))
    return left


def result(submission: Submission, job: Job | None) -> int:
    """Return the exit status of an ended job, after its output has arrived."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while submission.log(1) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    status = submission.program_status(1)
    if status is None:
        status = job.exit_status if job else None
    return 1 if status is None else status


def show(submission: Submission) -> None:
    """Print all that a plain job has written."""
    log = submission.log(1)
    nothing = f"No output came back to {submission.folder}."
    click.echo(log.read_text("utf-8", "replace").rstrip() if log else nothing)


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a file."""
    return path.read_text("utf-8", "replace").splitlines()[-lines:]


def follow(logs: dict[int, Path], positions: dict[int, int]) -> Iterator[tuple[int, str]]:
    """Yield index and text of every complete line since the last call, and update `positions`."""
    for index, path in logs.items():
        with path.open("rb") as file:
            file.seek(positions.get(index, 0))
            added = file.read()
        end = added.rfind(b"\n") + 1
        positions[index] = positions.get(index, 0) + end
        yield from ((index, line) for line in added[:end].decode(errors="replace").splitlines())
