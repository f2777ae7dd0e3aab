"""Whether a sweep is complete: expected, finished, running, missing, failed and duplicated grid points."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from metasweep.report.read.study import Study
from metasweep.sweeps.grid import Grid
from metasweep.sweeps.points import (
    PointKey,
    expected_runs,
    named,
    parameters_by_name,
    points_in_all,
    points_without,
)
from metasweep.sweeps.states import KILLED, OUTCOMES, outcome

STOPPED = "stopped"  # by the sweep's `early_terminate`
MOST_NAMED = 10_000  # missing points that are listed; a grid may have more points than fit into memory


@dataclass(frozen=True)
class Completeness:
    """Counts of points; of runs if there is no grid.

    Every point counts once, by the best of its runs (`sweeps.states.outcome`): finished, else running, else
    preempted (an agent will continue it), else stopped early, else failed (also crashed and killed), else
    missing.
    """

    expected: int | None  # None: the search has no limit
    finished: int
    running: int
    preempted: int
    failed: int
    missing: int
    duplicated: int  # finished runs whose point an earlier run had finished
    stopped: int = 0  # by `early_terminate`: they count as done
    missing_points: tuple[dict[str, Any], ...] = ()
    failed_points: tuple[dict[str, Any], ...] = ()
    constants: frozenset[str] = frozenset()
    """Parameters with the same value in every point of the study. They distinguish no points."""

    @property
    def complete(self) -> bool:
        """Return whether every expected point is finished, or was stopped by the sweep's `early_terminate`.

        If the sweep has no limit: whether nothing runs and nothing failed.
        """
        done = self.finished + self.stopped
        if self.expected is None:
            return done > 0 and self.running == self.preempted == self.failed == 0
        return done >= self.expected

    @property
    def summary(self) -> str:
        """One line of counts."""
        of = "" if self.expected is None else f" of {self.expected}"
        counts = {
            "running": self.running,
            **({"preempted": self.preempted} if self.preempted else {}),
            "missing": self.missing,
            "failed": self.failed,
            **({"stopped early": self.stopped} if self.stopped else {}),
        }
        parts = [f"{self.finished}{of} finished", *(f"{n} {name}" for name, n in counts.items())]
        return ", ".join([*parts, f"{self.duplicated} duplicated"])


def completeness(study: Study) -> Completeness:
    """Compare what the sweeps of a study need with their runs."""
    if study.drawn:
        return _of_runs(study)
    configs = [sweep.config for sweep in study.sweeps]
    grids = [Grid(config) for config in configs]
    states = _best_state(study)
    points = points_in_all(grids)
    expected = min(points, sum(expected_runs(config) or 0 for config in configs))
    missing = itertools.islice(points_without(grids, set(states)), MOST_NAMED if len(states) < points else 0)
    failed = [key for key, state in states.items() if state == "failed"]
    return replace(
        _counted(study, states.values(), expected),
        missing=max(0, expected - len(states)),  # points beyond a cap are not missing
        duplicated=int(study.runs["duplicate"].sum()),
        missing_points=tuple(named(configs, point) for point in missing),
        failed_points=tuple(named(configs, json.loads(key)) for key in failed),
    )


def _counted(study: Study, states: Iterable[str], expected: int | None) -> Completeness:
    """Return the counts of these states; nothing is missing or duplicated yet."""
    counts = Counter(states)
    return Completeness(
        expected=expected,
        finished=counts["finished"],
        running=counts["running"],
        preempted=counts["preempted"],
        failed=counts["failed"],
        missing=0,
        duplicated=0,
        stopped=counts[STOPPED],
        constants=constants([sweep.config for sweep in study.sweeps]),
    )


def constants(configs: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """The names of the parameters with one value in all sweeps of a study."""
    seen: dict[str, set[str]] = {}
    for config in configs:
        for name, parameter in parameters_by_name(config).items():
            settings = parameter.settings
            values = settings.get("values") or [settings.get("value")]
            one = parameter.distribution in ("constant", "categorical")
            seen.setdefault(name, set()).update(map(json.dumps, values) if one else ("any", "other"))
    return frozenset(name for name, values in seen.items() if len(values) == 1)


def _best_state(study: Study) -> dict[PointKey, str]:
    """Point -> the best state of its runs."""
    keys = study.runs["grid_point"]
    states = outcomes(study)
    found: dict[PointKey, str] = {}
    for state in ("failed", STOPPED, *reversed(OUTCOMES[:-1])):  # a better one overwrites
        found.update(dict.fromkeys(keys[(states == state) & (keys != "")], state))
    return found


def _of_runs(study: Study) -> Completeness:
    """Without a complete grid every run is a point of its own."""
    states = outcomes(study)
    caps = [expected_runs(sweep.config) for sweep in study.sweeps]
    expected = None if not caps or None in caps else sum(cap for cap in caps if cap is not None)
    found = _counted(study, states, expected)
    done = found.finished + found.running + found.preempted + found.stopped
    failed = tuple(_values(study.runs[states == "failed"], study))
    return replace(found, missing=max(0, (expected or 0) - done), failed_points=failed)


def outcomes(study: Study) -> pd.Series:
    """Return the outcome of every run.

    The API does not say who stopped a run. In a sweep with `early_terminate` it counts as stopped early.
    """
    states = study.runs["state"].map(outcome)
    early = {sweep.id for sweep in study.sweeps if sweep.config.get("early_terminate")}
    return states.mask((study.runs["state"] == KILLED) & study.runs["sweep_id"].isin(early), STOPPED)


def _values(runs: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    names = [name for sweep in study.sweeps for name in parameters_by_name(sweep.config) if name in runs]
    return runs[list(dict.fromkeys(names))].to_dict("records")
