"""The table of `status`: jobs, their agents and the sweep's points side by side."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from metacentrum.points import Points
from metacentrum.schedulers import Job, Scheduler
from metacentrum.submission import MEANINGS, Submission
from metacentrum.values import format_walltime

COLOURS = {"queued": "yellow", "running": "green", "ended": "dim"}
TROUBLE = (1, 2, 4)


def show(
    submission: Submission,
    scheduler: Scheduler,
    jobs: Sequence[Job],
    last: Sequence[Job],
    points: Points | str,
) -> RenderableType:
    """Everything about one submission.

    `last` holds the report's job, if there is one; `points` may be a line saying why they are not known.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("job", "state", "node", "for", "agent"):
        table.add_column(column, overflow="fold")
    for state, *row in rows(submission, scheduler, jobs):
        table.add_row(*(Text(cell) for cell in row), style=COLOURS[state])
    lines = [summary(jobs), *(f"report  {job.state}" for job in last)]
    lines.append(points if isinstance(points, str) else describe(points))
    if not jobs:
        lines.insert(0, f"{submission.job_id}: {scheduler.name} does not know this job any more")
    if isinstance(points, Points) and points.left and all(job.state == "ended" for job in jobs):
        lines.append(f"All jobs have ended; for the {points.left} runs left: submit {submission.sweep} again")
    return Group(table, *(Text(line) for line in lines if line))


def rows(submission: Submission, scheduler: Scheduler, jobs: Sequence[Job]) -> Iterator[tuple[str, ...]]:
    """State and cells of each row: a row for each job, and one for all that wait for the same reason."""
    for waiting, group in groupby(jobs, lambda job: job.state == "queued" and scheduler.explain(job.comment)):
        if waiting is False:
            yield from ((job.state, *cells(submission, scheduler, job)) for job in group)
            continue
        first, *others = group
        name = short(first) + (f" … {short(others[-1])}" if others else "")
        yield ("queued", name, f"{1 + len(others)} queued" if others else "queued", "", "", str(waiting))


def short(job: Job) -> str:
    """A job's id without the server's name, which is the same for all."""
    return job.id.split(".")[0]


def cells(submission: Submission, scheduler: Scheduler, job: Job) -> tuple[str, ...]:
    """The row of a job that has started."""
    since = (
        format_walltime(max(0, time.time() - job.started)) if job.started and job.state == "running" else ""
    )
    again = f" (start {job.run_count})" if job.run_count > 1 else ""
    return (short(job), job.state + again, job.node, since, what(submission, scheduler, job))


def what(submission: Submission, scheduler: Scheduler, job: Job) -> str:
    """What its agent does, or did last."""
    last = submission.last_line(job.index)
    return ended(submission, scheduler, job, last) if job.state == "ended" else last


def ended(submission: Submission, scheduler: Scheduler, job: Job, last: str) -> str:
    """How a job ended: by its program's own exit status, else by the scheduler's."""
    status = submission.program_status(job.index)
    by_scheduler = scheduler.how_ended(job)
    if status is None:
        return f"{by_scheduler}; {last}" if last else by_scheduler
    meaning = MEANINGS.get(status, f"exit status {status}")
    told = by_scheduler.startswith(("exit status", "ended before"))
    parts = [
        meaning if told else f"{meaning} ({by_scheduler})",
        *([last] if status in TROUBLE and last else []),
    ]
    return "; ".join(parts)


def summary(jobs: Sequence[Job]) -> str:
    """The jobs in numbers."""
    states = Counter(job.state for job in jobs)
    return "jobs    " + ", ".join(f"{states[state]} {state}" for state in ("queued", "running", "ended"))


def describe(points: Points) -> str:
    """The points in numbers."""
    of = f" of {points.expected}" if points.expected is not None else ""
    parts = [f"{points.done}{of} done", f"{points.running} running", f"{points.failed} failed"]
    if points.left is not None:
        parts.append(f"{points.left} left")
    if points.rate:
        parts.append(f"{points.rate:.1f} a minute")
    if points.left and points.seconds_left is not None:
        parts.append(f"about {format_walltime(points.seconds_left)} to go")
    return f"points  {', '.join(parts)} (sweep {points.state})"
