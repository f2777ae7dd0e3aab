"""The metric of a run: the one number that its sweep compares. All comparisons of runs use this file.

After `define_metric(name, summary="min")` a summary holds a mapping in place of a number:
https://docs.wandb.ai/models/track/log/customize-logging-axes#aggregate
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from metasweep.sweeps.parameters import is_finite

Goal = Literal["minimize", "maximize"]
NEUTRAL = ("best", "last", "mean")
"""Aggregates that suit either goal, in order of preference."""


def no_history() -> Iterable[Any]:
    """Return no values: the history of the run was not read."""
    return ()


@dataclass(frozen=True)
class Metric:
    """The metric of a sweep."""

    name: str
    goal: Goal = "minimize"

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Metric | None:
        """Return the metric in the config of a sweep; None without one."""
        section = config.get("metric")
        if (
            not isinstance(section, Mapping)
            or not isinstance(section.get("name"), str)
            or not section["name"]
        ):
            return None
        return cls(section["name"], "maximize" if section.get("goal") == "maximize" else "minimize")

    @property
    def extreme(self) -> Literal["min", "max"]:
        """The aggregate that suits this metric's goal."""
        return "max" if self.goal == "maximize" else "min"

    def of_run(
        self, summary: Mapping[str, Any], history: Callable[[], Iterable[Any]] = no_history
    ) -> float | None:
        """Return the metric of a run; None if the run has no finite number for it.

        A number in the summary is the metric: the last logged value. From a mapping the aggregate that suits
        the goal is taken. If the summary has neither, the best of `history()` counts, the values that the run
        logged under this name. But if the summary has something else, such as "NaN", the run diverged and has
        no metric.
        """
        entry = look_up(summary, self.name)
        if entry is not None and not isinstance(entry, Mapping):
            return entry if is_finite(entry) else None
        found = number_in(entry, self.goal)
        return self.best(history()) if found is None else found

    def best(self, values: Iterable[Any]) -> float | None:
        """Return the best of the values that are finite numbers."""
        numbers = [value for value in values if is_finite(value)]
        return (max if self.goal == "maximize" else min)(numbers, default=None)

    def is_better(self, value: float, than: float) -> bool:
        """Return whether a value is better than another."""
        return value > than if self.goal == "maximize" else value < than


def look_up(summary: Mapping[str, Any], name: str) -> Any:
    """Return the entry of a summary, by its name or, for nested mappings, by a path with dots."""
    if name in summary:
        return summary[name]
    head, _, rest = name.partition(".")
    while rest:
        if isinstance(inner := summary.get(head), Mapping) and (found := look_up(inner, rest)) is not None:
            return found
        more, _, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def number_in(entry: Any, goal: Goal | None = None) -> float | None:
    """Return the number that an entry of a summary stands for; None if it is not a finite number.

    From a mapping of aggregates, the one for the goal; without a goal, its only extreme.
    """
    if not isinstance(entry, Mapping):
        return entry if is_finite(entry) else None
    extremes = [name for name in ("min", "max") if name in entry]
    if goal is not None:
        extremes = ["max" if goal == "maximize" else "min"]
    elif len(extremes) > 1:
        extremes = []
    return next((entry[name] for name in (*extremes, *NEUTRAL) if is_finite(entry.get(name))), None)
