"""`submit --serve`: submits the jobs that serve, and waits until the first one serves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import click

from metasweep.cluster.serving.place import Place
from metasweep.cluster.submission import Submission
from metasweep.cluster.submitting import script
from metasweep.cluster.submitting.launch import at_most, launch, make_request
from metasweep.cluster.target import Target

NEEDS: dict[str, Any] = {"cpus": 2, "mem": "4gb", "scratch": "10gb"}
DAY = 24 * 3600


def serve_options(command: Any) -> Any:
    """Add the options for a server that runs as a job."""
    for option in reversed(
        (
            click.option("--serve", is_flag=True, help="Also run the embedded server, in a job of its own."),
            click.option(
                "--serve-jobs",
                type=click.IntRange(1, 20),
                default=2,
                show_default=True,
                help="Number of jobs that serve, one after the other.",
            ),
            click.option(
                "--serve-host", default="0.0.0.0", show_default=True, help="Address that it listens on."
            ),
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Served:
    """A server that runs as a job: its folder and its jobs."""

    place: Place
    job_ids: list[str]


def launch_servers(target: Target, number: int, host: str, interval: float) -> Served:
    """Submit the jobs that serve, each waiting for the one before. Wait until the first one serves."""
    place = Place(target.project.folder / "served")
    settings = {"SERVED": str(place.folder), "SERVE_HOST": host}
    walltime = at_most(target, DAY)
    if not target.dry_run:
        place.make()
        place.stop.unlink(missing_ok=True)
        if not place.holder():
            place.withdraw()  # the address of a server whose node has died
    launched: list[Submission] = []
    for _ in range(number):
        after = launched[-1].job_id if launched else None
        request = make_request(target, name="metasweep-server", walltime=walltime, after=after, **NEEDS)
        submission = launch(target, script.SERVE, request, settings)
        if submission is None:
            return Served(place, [])
        launched.append(submission)
    wait_until_served(place, target, launched[0], interval)
    return Served(place, [one.job_id for one in launched])


def wait_until_served(place: Place, target: Target, first: Submission, interval: float) -> None:
    """Wait until the first job serves. Raises click.ClickException if it ends before."""
    click.echo(f"Submitted the server as {first.job_id}; waiting until it serves.", err=True)
    while not (found := place.address()):
        job = next(iter(target.scheduler.jobs(first.job_id)), None)
        comment = target.scheduler.explain(job.comment) if job and job.state == "queued" else ""
        if job is None or job.state == "ended" or comment.startswith("can never run"):
            why = comment or "its job ended"
            raise click.ClickException(f"The server did not start ({why}): see {first.folder}")
        time.sleep(min(interval, 2.0))
    host, port = found
    click.echo(f"It serves on {host}; its pages, with the key in {place.key}:", err=True)
    click.echo(f"  ssh -L 8080:{host}:{port} FRONTEND    and then https://localhost:8080", err=True)
