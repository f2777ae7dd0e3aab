"""How far sweeps are. It counts points, not runs: a second attempt at a point changes nothing."""

import sqlite3
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from metasweep import page
from metasweep.server.errors import NotFound
from metasweep.server.store import sweeps, views

PACE = 50  # finished runs, the last ones, by which the time left is estimated


@dataclass(frozen=True)
class PointCounts:
    """The points of a sweep that have had a run, by their outcome."""

    finished: int = 0
    stopped: int = 0  # by a person or by early_terminate
    running: int = 0
    again: int = 0  # preempted or lost, waiting to be offered again
    failed: int = 0


def points_by_sweep(
    connection: sqlite3.Connection, scope: views.Scope, scope_id: int
) -> dict[int, PointCounts]:
    """The points of a sweep, or of all sweeps of a project."""
    counts: dict[int, dict[str, Any]] = defaultdict(dict)
    for sweep_id, outcome, count in views.points(connection, scope, scope_id):
        counts[sweep_id][outcome] = count
    return {sweep_id: PointCounts(**found) for sweep_id, found in counts.items()}


def progress(connection: sqlite3.Connection, sweep: sqlite3.Row, points: PointCounts) -> page.Progress:
    """Return the progress that the page shows. Stopped points count as done."""
    limit = sweeps.expected_runs(connection, sweep)
    total = None if limit is None else limit + views.added_points(connection, sweep)
    done = points.finished + points.stopped
    missing = max(0, (total or 0) - done - points.running - points.failed)
    left = seconds_left(connection, sweep, missing + points.running) if points.running else None
    words = [
        f"some {duration(left)} left" if left else "",
        f"{points.stopped} stopped early" if points.stopped else "",
        f"{points.again} to be tried again" if points.again else "",
        sweep["state"].lower() if sweep["state"] in ("PAUSED", "CANCELED") else "",
    ]
    note = ", ".join(word for word in words if word)
    return page.Progress(total, done, points.running, points.failed, missing, note)


def seconds_left(connection: sqlite3.Connection, sweep: sqlite3.Row, runs: int) -> float | None:
    """How long some runs will take at the rate of the last that finished; None before there is one."""
    finished, seconds = views.pace(connection, sweep["id"], PACE)
    return runs * seconds / (finished - 1) if finished > 2 and seconds else None


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def of_sweep(connection: sqlite3.Connection, sweep: sqlite3.Row) -> page.Progress:
    """Return the progress of one sweep; raise NotFound if it was deleted meanwhile."""
    if sweep is None:
        raise NotFound("this sweep was deleted")
    points = points_by_sweep(connection, "sweep", sweep["id"])
    return progress(connection, sweep, points.get(sweep["id"], PointCounts()))
