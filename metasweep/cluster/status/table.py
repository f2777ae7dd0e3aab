"""The table of `jobs`: the jobs, their agents and the sweep's points."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from metasweep.batch.walltime import clock
from metasweep.cluster.project import current
from metasweep.cluster.schedulers import Job, Scheduler
from metasweep.cluster.status import ends
from metasweep.cluster.status.points import Points
from metasweep.cluster.submission import Submission, program_status

COLOURS = {"queued": "yellow", "running": "green", "ended": "dim"}
FEW = 10  # up to so many jobs get a row each, even if several ended in the same way
BAR_WIDTH = 40


def show(
    submission: Submission,
    scheduler: Scheduler,
    jobs: Sequence[Job],
    last: Sequence[Job],
    points: Points | str,
) -> RenderableType:
    """Return everything about one submission.

    `last` holds the report's job, if there is one. `points` may be a line that says why they are not known.
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
    parts += [Text(), totals(submission, scheduler, jobs, last, points)]
    if isinstance(points, Points) and is_over(jobs) and points.left and not points.running:
        parts.append(Text(again(submission, scheduler, jobs, points.left)))
    return Group(*parts)


def again(submission: Submission, scheduler: Scheduler, jobs: Sequence[Job], left: int) -> str:
    """Return what to do about the remaining points when no job works on them."""
    if canary_status(submission):
        look = f"{current().command} logs {submission.folder.name}"
        return f"Correct the program or the sweep, and submit its file again. To read why: {look}"
    lacking = any(ends.lack(submission, scheduler, job) for job in jobs)
    option = " --retry" if lacking else ""
    points = "1 point is" if left == 1 else f"{left} points are"
    return f"All jobs have ended and {points} left: {current().command} submit {submission.sweep}{option}"


def totals(
    submission: Submission,
    scheduler: Scheduler,
    jobs: Sequence[Job],
    last: Sequence[Job],
    points: Points | str,
) -> Table:
    """Return the totals under the rows: jobs, the report's job, points, runs."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=len("points"))
    grid.add_column(overflow="fold")  # a path that is cut off cannot be copied
    grid.add_row("jobs", Text(summary(jobs)))
    if submission.canary_folder:
        grid.add_row("canary", Text(describe_canary(submission, jobs)))
    for job in last:
        grid.add_row("report", Text(describe_report(submission, scheduler, job)))
    if points:
        grid.add_row("points", Text(points if isinstance(points, str) else describe(points)))
    if isinstance(points, Points):
        grid.add_row("runs", Text(describe_runs(points)))
    if left := leftovers(submission):
        grid.add_row("files", Text(left))
    if isinstance(points, Points) and points.expected:
        grid.add_row("", ProgressBar(total=points.expected, completed=points.done, width=BAR_WIDTH))
    return grid


def describe_canary(submission: Submission, jobs: Sequence[Job]) -> str:
    """Return the state of the run that the jobs wait for."""
    status = canary_status(submission)
    if status == 0:
        return "its run has logged the metric"
    if status is None and not is_over(jobs):
        return f"{submission.canary_id} has not ended: the jobs wait for it"
    end = "was killed" if status is None else "failed"
    return f"{end}, so the jobs were not started: see {from_here(Path(submission.canary_folder or ''))}"


def canary_status(submission: Submission) -> int | None:
    """Return the exit status of the run that went ahead; None without one, or if it was killed."""
    return program_status(Path(submission.canary_folder), 1) if submission.canary_folder else None


def is_over(jobs: Sequence[Job]) -> bool:
    """Return whether all jobs have ended."""
    return all(job.state == "ended" for job in jobs)


def leftovers(submission: Submission) -> str:
    """Checkpoints of unfinished points, and records that the server may lack; empty without any."""
    parts = []
    folder = submission.checkpoints
    if folder and folder.is_dir() and submission.sweep:
        mine = [path for path in folder.iterdir() if path.name.startswith(f"{submission.sweep_id}-")]
        parts += [f"checkpoints of {len(mine)} unfinished points in {folder}"] if mine else []
    if kept := [path for path in submission.folder.glob("unsent.*") if path.is_dir()]:
        folders = "1 folder" if len(kept) == 1 else f"{len(kept)} folders"
        parts.append(f"records that the server may lack in {folders} {from_here(kept[0].parent)}/unsent.*")
    return "; ".join(parts)


def describe_report(submission: Submission, scheduler: Scheduler, job: Job) -> str:
    """Return the state of the report's job, and where the report is."""
    if job.state != "ended" or not submission.report_folder:
        return job.state
    folder = Path(submission.report_folder)
    status = program_status(folder, 1)
    if status is None:
        return scheduler.how_ended(job)
    report = folder / "report" / "README.md"
    if not report.exists():
        return f"failed: see {from_here(folder)}"
    return f"{'the grid is complete' if status == 0 else 'points are missing'}: {from_here(report)}"


def from_here(path: Path) -> Path:
    """Return a path as it is called in the current folder: short enough not to be broken into two lines."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def rows(submission: Submission, scheduler: Scheduler, jobs: Sequence[Job]) -> Iterator[tuple[str, ...]]:
    """Yield state and cells of each row: one row per job, and one for all jobs that wait for the same reason.

    If there are many jobs, those that ended in the same way share a row, too.
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
    since = clock(max(0, time.time() - job.started)) if job.started and job.state == "running" else ""
    again = f" (start {job.run_count})" if job.run_count > 1 else ""
    return (short(job), job.state + again, job.node.split(".")[0], since, what(submission, scheduler, job))


def what(submission: Submission, scheduler: Scheduler, job: Job) -> str:
    """Return what a job's agent does, or did last."""
    if job.state == "ended":
        return ends.describe(submission, scheduler, job)
    tally = submission.tally(job.index)
    return str(tally) if tally else submission.last_line(job.index)


def summary(jobs: Sequence[Job]) -> str:
    """The jobs in numbers."""
    states = Counter(job.state for job in jobs)
    return ", ".join(f"{states[state]} {state}" for state in ("queued", "running", "ended"))


def describe(points: Points) -> str:
    """The points in numbers."""
    of = f" of {points.expected}" if points.expected is not None else ""
    parts = [f"{points.done}{of} done"]
    if points.left is not None:
        parts.append(f"{points.left} left")
    if points.left and points.seconds_left is not None:
        parts.append(f"about {clock(points.seconds_left)} to go")
    return f"{', '.join(parts)} (sweep {points.state})"


def describe_runs(points: Points) -> str:
    """The runs in numbers: a point may have had several."""
    parts = [f"{points.finished} finished", f"{points.running} running", f"{points.failed} failed"]
    if points.rate and points.running:
        parts.append(f"{points.rate:.1f} a minute")
    return ", ".join(parts)
