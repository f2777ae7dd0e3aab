"""The table of `status`: jobs, their agents and the sweep's points side by side."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from metasweep.cluster.points import Points
from metasweep.cluster.schedulers import Job, Scheduler
from metasweep.cluster.submission import MEANINGS, Submission
from metasweep.cluster.values import format_walltime

HERE = "; here "  # from here on, an agent's line of progress is about the agent itself
COLOURS = {"queued": "yellow", "running": "green", "ended": "dim"}
TROUBLE = (1, 2, 4)
FEW = 10  # jobs that each get a row of their own, even when several ended in the same way
BAR_WIDTH = 40


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
    for column in ("job", "state", "node", "for"):
        table.add_column(column, no_wrap=True)
    table.add_column("agent", overflow="fold")
    for state, *row, agent in rows(submission, scheduler, jobs):
        one_line = state == "running"
        agent_cell = Text(agent, no_wrap=one_line, overflow="ellipsis" if one_line else "fold")
        table.add_row(*(Text(cell) for cell in row), agent_cell, style=COLOURS[state])
    unknown = f"{submission.job_id}: {scheduler.name} does not know this job any more"
    parts: list[RenderableType] = [table] if jobs else [Text(unknown)]
    parts += [Text(), totals(jobs, last, points)]
    if isinstance(points, Points) and points.left and all(job.state == "ended" for job in jobs):
        again = f"All jobs have ended; for the {points.left} runs left: submit {submission.sweep} again"
        parts.append(Text(again))
    return Group(*parts)


def totals(jobs: Sequence[Job], last: Sequence[Job], points: Points | str) -> Table:
    """The sums under the rows: jobs, the report's job, points."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=len("points"))
    grid.add_row("jobs", Text(summary(jobs)))
    for job in last:
        grid.add_row("report", job.state)
    if points:
        grid.add_row("points", Text(points if isinstance(points, str) else describe(points)))
    if isinstance(points, Points) and points.expected:
        grid.add_row("", ProgressBar(total=points.expected, completed=points.done, width=BAR_WIDTH))
    return grid


def rows(submission: Submission, scheduler: Scheduler, jobs: Sequence[Job]) -> Iterator[tuple[str, ...]]:
    """State and cells of each row: a row for each job, and one for all that wait for the same reason.

    Of many jobs, those that ended in the same way share a row, too.
    """

    def in_common(job: Job) -> str | None:
        if job.state == "queued":
            return scheduler.explain(job.comment)
        shared = job.state == "ended" and len(jobs) > FEW
        return what(submission, scheduler, job) if shared else None

    for (state, common), group in groupby(jobs, lambda job: (job.state, in_common(job))):
        first, *others = group
        if common is None or (state == "ended" and not others):
            yield from ((state, *cells(submission, scheduler, job)) for job in (first, *others))
            continue
        name = short(first) + (f" … {short(others[-1])}" if others else "")
        yield (state, name, f"{1 + len(others)} {state}" if others else state, "", "", common)


def short(job: Job) -> str:
    """A job's id without the server's name, which is the same for all."""
    return job.id.split(".")[0]


def cells(submission: Submission, scheduler: Scheduler, job: Job) -> tuple[str, ...]:
    """The row of a job that has started."""
    since = (
        format_walltime(max(0, time.time() - job.started)) if job.started and job.state == "running" else ""
    )
    again = f" (start {job.run_count})" if job.run_count > 1 else ""
    return (short(job), job.state + again, job.node.split(".")[0], since, what(submission, scheduler, job))


def what(submission: Submission, scheduler: Scheduler, job: Job) -> str:
    """What its agent does, or did last."""
    if job.state == "ended":
        return ended(submission, scheduler, job, next(iter(submission.last_lines(job.index)), ""))
    lines = submission.last_lines(job.index)
    tally = next((line.partition(HERE)[2] for line in lines if HERE in line), "")
    return tally or next(iter(lines), "")


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
    return ", ".join(f"{states[state]} {state}" for state in ("queued", "running", "ended"))


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
    return f"{', '.join(parts)} (sweep {points.state})"
