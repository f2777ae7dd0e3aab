"""The metrics of a study: the one to choose by, the reported one, and related ones."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import NoneType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from metasweep.report.base.errors import AnalysisError
from metasweep.report.read.quantities import (
    FALLBACKS,
    SPLITS,
    Asked,
    Quantity,
    counterparts,
    quantity,
    sweep_metrics,
)
from metasweep.sweeps.metric import Metric, look_up

NOTHING_ASKED = Asked()
MOST_NAMES = 12  # metrics that a message lists
LARGEST = 1e300  # a number beyond it counts as infinite: the sum over runs would overflow
History = Sequence[Mapping[str, Any]]


class Logged(Protocol):
    """What is needed of a run here."""

    @property
    def run_id(self) -> str:
        """Its id."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """What it ended with."""


@dataclass(frozen=True)
class Metrics:
    """The metrics of a study, by their purpose."""

    chosen_by: Quantity
    reported: Quantity
    all: tuple[Quantity, ...]  # both, and their relatives on other data and as a loss
    objectives: tuple[Quantity, ...]  # the metrics between which a sweep trades off, if one names several
    notes: tuple[str, ...]


def find_metrics(
    configs: Sequence[Mapping[str, Any]],
    records: Sequence[Logged],
    histories: Mapping[str, History],
    asked: Asked = NOTHING_ASKED,
) -> Metrics:
    """Find the metrics from the sweeps' configs and the runs' logs.

    Raises:
        AnalysisError: no run has logged the metric that the user asked for.
    """
    logged = _Log(records, histories)
    stated = sweep_metrics(configs)
    notes = []
    if asked.metric:
        name = logged.resolved(asked.metric)
        goal = dict(stated).get(name)
        if not logged.has(name):
            raise AnalysisError(f"No run logged {name}: {logged.listed()}.")
    elif stated:
        name, goal = stated[0]
        others = [other for other, _ in _of_config(configs) if other != name]
        if others:
            notes.append(
                f"The sweeps name different metrics: {name} is used, not {', '.join(dict.fromkeys(others))};"
                " --metric chooses another."
            )
    else:
        name, goal = logged.likeliest(), None
        notes.append(f"No sweep names its metric: {name} is used; --metric chooses another.")
    chosen_by = quantity(name, logged.values(name, goal), asked.goal or goal, asked.unit)
    if chosen_by.kind == "loss" and chosen_by.maximize and not asked.goal:
        notes.append(f"{name} is maximized, as the sweep says, though it is called a loss: --goal minimize?")
    reported, about = _reported(chosen_by, logged)
    notes += about
    family = _family(chosen_by, logged)
    several = any(len(sweep_metrics([config])) > 1 for config in configs)  # not one each
    objectives = tuple(
        quantity(other, logged.values(other, wish), wish) if other != name else chosen_by
        for other, wish in stated
        if several and (other == name or logged.has(other))
    )
    every = {one.name: one for one in (chosen_by, reported, *family, *objectives)}
    notes += [f"{one.name}: {one.note}." for one in every.values() if one.note]
    ordered = sorted(every.values(), key=lambda one: _ORDER.get((one.split, one.kind), 99))
    return Metrics(chosen_by, reported, tuple(ordered), objectives, tuple(dict.fromkeys(notes)))


_ORDER: dict[tuple[str | None, str], int] = {
    (split, kind): place
    for place, (kind, split) in enumerate(
        (kind, split) for kind in ("accuracy", "other", "loss") for split in SPLITS
    )
}


def metric_of_run(metric: Quantity, summary: Mapping[str, Any], history: History = ()) -> float:
    """Return the metric of one run on its scale; NaN without a finite number.

    As in `Metric.of_run`: from the summary, or from the history if the summary lacks it.
    """
    found = Metric(metric.name, metric.goal).of_run(
        summary, lambda: (row[metric.name] for row in history if metric.name in row)
    )
    return math.nan if found is None or not is_usable(found) else float(found) / metric.factor


def is_usable(value: float) -> bool:
    """Return whether a number is finite, and small enough to be added up."""
    return abs(value) <= LARGEST


def number(value: Any) -> float:
    """Return a logged value as a float; NaN for other values.

    The server writes NaN and infinities as words.
    """
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            found = float(value)
        except (OverflowError, ValueError):
            return math.nan
        return found if is_usable(found) or math.isnan(found) else math.copysign(math.inf, found)
    return math.nan


def numbers(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Return `number` of every value, quickly if all are floats or missing."""
    if not set(map(type, values)) <= {float, NoneType}:
        return np.array([number(value) for value in values], dtype=np.float64)
    found = np.array(values, dtype=np.float64)
    return np.where(np.abs(found) > LARGEST, np.copysign(np.inf, found), found)


def _of_config(configs: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """The first metric of each sweep that names one."""
    return [named[0] for config in configs if (named := sweep_metrics([config]))]


def _reported(chosen_by: Quantity, logged: _Log) -> tuple[Quantity, list[str]]:
    """Return the metric on test data if the runs have it; otherwise the one to choose by."""
    if chosen_by.split == "test":
        return chosen_by, []
    found = [name for name in counterparts(chosen_by.name, "test") if logged.has(name)]
    if not found:
        return chosen_by, []
    about = (
        [f"Both {found[0]} and {', '.join(found[1:])} are logged: {found[0]} is meant."] if found[1:] else []
    )
    return _like(chosen_by, found[0], logged), about


def _family(chosen_by: Quantity, logged: _Log) -> list[Quantity]:
    """Return the same metric on other data, and the loss that belongs to it."""
    found: list[Quantity] = []
    for split in SPLITS:
        names = [chosen_by.name] if split == chosen_by.split else counterparts(chosen_by.name, split)
        found += [_like(chosen_by, name, logged) for name in names[:] if logged.has(name)][:1]
    if chosen_by.kind != "loss":
        for split in SPLITS:
            names = counterparts(chosen_by.name, split, leaf="loss")
            losses = [
                quantity(name, logged.values(name, None), "minimize") for name in names if logged.has(name)
            ]
            found += losses[:1]
    return found


def _like(chosen_by: Quantity, name: str, logged: _Log) -> Quantity:
    """Return the same metric under another name, of the same kind unless its values rule that out."""
    own = quantity(name, logged.values(name, chosen_by.goal), chosen_by.goal, "")
    if own.kind == chosen_by.kind:
        return replace(own, unit=chosen_by.unit)
    return replace(chosen_by, name=name, note="")


def _spelled(name: str) -> str:
    return re.sub(r"[/._\- ]", "_", name)


class _Log:
    """What the runs have logged, by name."""

    def __init__(self, records: Sequence[Logged], histories: Mapping[str, History]) -> None:
        self._records, self._histories = records, histories
        self._names = Counter(
            str(name) for record in records for name in record.summary if not str(name).startswith("_")
        )
        for rows in histories.values():
            self._names.update(name for name in set().union(*rows) if not str(name).startswith("_"))

    def has(self, name: str) -> bool:
        """Return whether some run logged it."""
        return name in self._names or any(
            look_up(record.summary, name) is not None for record in self._records
        )

    def resolved(self, name: str) -> str:
        """Return the logged name that differs only in spelling: `val_acc` for `val/acc`."""
        alike = [known for known in self._names if _spelled(known) == _spelled(name)]
        return alike[0] if len(alike) == 1 and not self.has(name) else name

    def values(self, name: str, goal: Any) -> list[float]:
        """Its value of every run."""
        found = Quantity(name, goal=goal or "minimize")
        return [
            metric_of_run(found, record.summary, self._histories.get(record.run_id, ()))
            for record in self._records
        ]

    def likeliest(self) -> str:
        """Return the most probable metric of a sweep that names none."""
        numeric = [name for name, _ in self._names.most_common() if name not in ("epoch", "step")]
        known = [name for name in FALLBACKS if name in self._names]
        told = [name for name in numeric if quantity(name, ()).note.find("default") < 0]
        measured = [
            name
            for name in [*known, *told, *numeric]
            if any(math.isfinite(value) for value in self.values(name, None))
        ]
        return next(iter(measured), FALLBACKS[0])

    def listed(self) -> str:
        """Return the logged metrics, for a message."""
        names = sorted(self._names)
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        return f"they logged {', '.join(names[:MOST_NAMES])}{more}" if names else "they logged nothing"
