"""How many jobs and how long, computed from the number of runs left and the time of one run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import click

from metasweep.batch.walltime import clock
from metasweep.cluster.status.points import Points

START = 300  # seconds for a job's start: imports from shared storage, the data set, the first claim
MARGIN = 1.3  # for slower nodes, and for last runs that cannot be shared out evenly
COMFORTABLE = 2 * 3600  # jobs up to two hours start soonest, since they fit between longer ones
STEP = 900
MAX_JOBS = 50


@dataclass(frozen=True)
class Plan:
    """A number of equal jobs and the walltime of each, in seconds."""

    jobs: int
    walltime: int

    def as_needs(self) -> dict[str, Any]:
        """Return it as arguments for a request."""
        return {"jobs": self.jobs, "walltime": self.walltime}

    def __str__(self) -> str:
        return f"--jobs {self.jobs} --walltime {clock(self.walltime)}"


def suggest(
    left: int,
    run_seconds: float,
    workers: int,
    jobs: int | None = None,
    walltime: int | None = None,
    longest: int | None = None,
) -> Plan:
    """Suggest few jobs, none of them long, that finish `left` runs with `workers` runs at a time each.

    What is given stays. A suggested walltime is at least twice a run, so that no job ends in its first one,
    but not above the `longest` that there is, in seconds.
    """
    work = max(left, 1) * run_seconds * MARGIN / workers
    if jobs is None:
        room_each = max((walltime or COMFORTABLE) - START, run_seconds * MARGIN)
        jobs = min(max(1, math.ceil(work / room_each)), MAX_JOBS, math.ceil(max(left, 1) / workers))
    if walltime is None:
        walltime = math.ceil((START + max(work / jobs, 2 * run_seconds)) / STEP) * STEP
        if longest and walltime > longest:
            walltime = longest
    return Plan(jobs, walltime)


def room(plan: Plan, run_seconds: float, workers: int) -> int:
    """Return how many runs a plan's jobs can finish."""
    return plan.jobs * workers * int(max(0, plan.walltime - START) / (run_seconds * MARGIN))


def choose(
    points: Points | None,
    workers: int,
    jobs: int | None,
    walltime: int | None,
    longest: int | None = None,
) -> Plan:
    """The plan: what is given, completed by a suggestion. Raises click.UsageError when it cannot be made."""
    if jobs and walltime:
        return Plan(jobs, walltime)
    if points is None or points.left is None or points.run_seconds is None:
        reason = "the sweep has no end" if points and points.left is None else "no finished run is known yet"
        raise click.UsageError(f"say both --jobs and --walltime: {reason}, so they cannot be worked out")
    return suggest(points.left, points.run_seconds, workers, jobs, walltime, longest)


def advise(points: Points, plan: Plan, workers: int, longest: int | None = None) -> str:
    """One line: what is left of the sweep, and whether the plan has room for it."""
    if points.left is None or points.run_seconds is None:
        return ""
    needs = f"{points.left} runs of about {points.run_seconds:.0f} s are left"
    holds = room(plan, points.run_seconds, workers)
    better = suggest(points.left, points.run_seconds, workers, longest=longest)
    if holds >= points.left:
        return f"{needs}; {plan} has room for {holds}."
    return f"{needs}, but {plan} has room for only {holds}: {better} would be enough."
