"""What the columns of runs are, guessed from their names and values, since any sweep may come."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from metasweep import page
from metasweep.server.pages.tracks import number
from metasweep.sweeps.metric import Goal, number_in

MOST_LEVELS = 12  # a parameter with more numbers gets a continuous axis
MOST_METRICS = 10
RESERVED = ("id", "name", "state", "url")  # columns that the page has of its own
LOG_RATIO = 50  # from here on, between the greatest and the least positive number, an axis is logarithmic
ACCURACY = re.compile(r"(^|[^a-z])(acc|accuracy)$", re.IGNORECASE)
SMALLER_IS_BETTER = re.compile(
    r"(loss|error|err|mse|rmse|mae|perplexity|runtime|time|seconds)$", re.IGNORECASE
)
TRAINING = re.compile(r"^train", re.IGNORECASE)
Values = Sequence[Any]


def flatten(point: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested point with dotted names; whatever is no scalar as text."""
    flat: dict[str, Any] = {}
    for name, value in point.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            scalar = value is None or isinstance(value, str | int | float)
            flat[f"{prefix}{name}"] = value if scalar else str(value)
    return flat


def numbers(values: Values) -> list[float]:
    """The numbers among some values, without those that are not finite."""
    return [value for value in values if number(value) is not None]


def spans_decades(found: Sequence[float]) -> bool:
    """Whether numbers are spread so that a logarithmic axis shows them better."""
    return len(found) > 1 and min(found) > 0 and max(found) / min(found) >= LOG_RATIO


def parameter(name: str, values: Values) -> page.Column:
    """A slot per value, or a scale when there are many numbers."""
    levels = {(type(value), value): value for value in values if value is not None}
    found = numbers(list(levels.values()))
    numeric = len(found) == len(levels) > 0
    log = numeric and spans_decades(found)
    if numeric and len(levels) > MOST_LEVELS:
        return page.Column(name, name, "number", log=log)
    return page.Column(name, name, "discrete", log=log)


def is_accuracy(name: str, values: Values) -> bool:
    """Whether a metric is a fraction that is called an accuracy."""
    return bool(ACCURACY.search(name)) and all(0 <= value <= 1 for value in numbers(values))


def metric(name: str, values: Values, target: str, goal: Literal["max", "min"] | None) -> page.Column:
    """A metric; axes are the sweep's own and the accuracies that were not measured in training."""
    better = goal if name == target and goal else "min" if SMALLER_IS_BETTER.search(name) else "max"
    if is_accuracy(name, values):
        return page.Column(
            name, name, "accuracy", goal=better, axis=name == target or not TRAINING.search(name)
        )
    return page.Column(name, name, log=spans_decades(numbers(values)), goal=better, axis=name == target)


def rank(name: str, target: str) -> tuple[bool, bool, bool, bool, str]:
    """The order of metrics: the sweep's own, accuracies, losses, the rest; training after the others."""
    return (
        name != target,
        not ACCURACY.search(name),
        not SMALLER_IS_BETTER.search(name),
        bool(TRAINING.search(name)),
        name,
    )


def is_numeric(value: Any) -> bool:
    """Whether an entry of a summary is a number, or aggregates of one."""
    goals: tuple[Goal | None, ...] = (None, "minimize", "maximize")
    return any(number_in(value, goal) is not None for goal in goals)


def metric_names(
    summaries: Sequence[Mapping[str, Any]], target: str, parameters: Sequence[str] = ()
) -> list[str]:
    """The metrics worth a column, most telling first; a name that is a parameter is none."""
    found = {
        name
        for summary in summaries
        for name, value in summary.items()
        if not name.startswith("_") and is_numeric(value)
    }
    found -= {*RESERVED, *parameters}
    return sorted(found, key=lambda name: rank(name, target))[:MOST_METRICS]
