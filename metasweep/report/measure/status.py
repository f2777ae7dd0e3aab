"""Whether a sweep is complete: expected, finished, running, missing, failed and duplicated grid points."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from metasweep.report.read.points import (
    axes,
    grid_points,
    grid_size,
    is_grid,
    point,
    points_of_runs,
)
from metasweep.report.read.study import Study
from metasweep.sweeps.states import OUTCOMES, outcome

MISSING = "missing"


@dataclass(frozen=True)
class Completeness:
    """Counts of points: of the grid, or of runs when there is no grid.

    Every point is counted once, by the best of its runs (`sweeps.states.outcome`): finished, else running,
    else preempted (an agent will go on with it), else failed (also crashed and killed), else missing.
    """

    expected: int | None  # None: the search has no end of its own
    finished: int
    running: int
    preempted: int
    failed: int
    missing: int
    duplicated: int  # runs that finished a point which an earlier run had finished
    missing_points: tuple[dict[str, Any], ...] = ()
    failed_points: tuple[dict[str, Any], ...] = ()

    @property
    def complete(self) -> bool:
        """Every expected point is finished; without an expectation: nothing runs and nothing failed."""
        if self.expected is None:
            return self.finished > 0 and self.running == self.preempted == self.failed == 0
        return self.finished >= self.expected

    @property
    def summary(self) -> str:
        """One line of counts."""
        of = "" if self.expected is None else f" of {self.expected}"
        counts = {
            "running": self.running,
            **({"preempted": self.preempted} if self.preempted else {}),
            "missing": self.missing,
            "failed": self.failed,
        }
        parts = [f"{self.finished}{of} finished", *(f"{n} {name}" for name, n in counts.items())]
        return ", ".join([*parts, f"{self.duplicated} duplicated"])


def completeness(study: Study) -> Completeness:
    """Compare what the sweeps of a study ask for with what its runs did."""
    if not study.sweeps or not all(is_grid(sweep.config) for sweep in study.sweeps):
        return _of_runs(study)
    points = {point(values): values for sweep in study.sweeps for values in grid_points(sweep.config)}
    reached = _best_state(study)
    states = {key: reached.get(key, MISSING) for key in points}
    counts = Counter(states.values())
    expected = min(len(points), sum(grid_size(sweep.config) or 0 for sweep in study.sweeps))
    done = sum(counts[reached] for reached in OUTCOMES)
    return Completeness(
        expected=expected,
        finished=counts["finished"],
        running=counts["running"],
        preempted=counts["preempted"],
        failed=counts["failed"],
        missing=max(0, expected - done),  # a cap leaves points out that nobody misses
        duplicated=int(study.runs["duplicate"].sum()),
        missing_points=tuple(points[key] for key, state in states.items() if state == MISSING),
        failed_points=tuple(points[key] for key, state in states.items() if state == "failed"),
    )


def _best_state(study: Study) -> dict[object, str]:
    """Point -> the best state of its runs."""
    keys = points_of_runs(study.runs, {sweep.id: sweep.config for sweep in study.sweeps})
    states = study.runs["state"].map(outcome)
    found: dict[object, str] = {}
    for state in reversed(OUTCOMES):  # a better one overwrites
        found.update(dict.fromkeys(keys[states == state], state))
    return found


def _of_runs(study: Study) -> Completeness:
    """Without a complete grid every run is a point of its own."""
    counts = Counter(study.runs["state"].map(outcome))
    caps = [grid_size(sweep.config) for sweep in study.sweeps]
    expected = None if not caps or None in caps else sum(cap for cap in caps if cap is not None)
    done = counts["finished"] + counts["running"] + counts["preempted"]
    failed = study.runs[study.runs["state"].map(outcome) == "failed"]
    return Completeness(
        expected=expected,
        finished=counts["finished"],
        running=counts["running"],
        preempted=counts["preempted"],
        failed=counts["failed"],
        missing=max(0, (expected or 0) - done),
        duplicated=0,
        failed_points=tuple(_values(failed, study)),
    )


def _values(runs: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    names = [name for sweep in study.sweeps for name in axes(sweep.config) if name in runs]
    return runs[list(dict.fromkeys(names))].to_dict("records")
