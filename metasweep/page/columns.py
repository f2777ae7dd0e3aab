"""The columns of runs, derived from their names and values, since any sweep may come.

The report and the server both use these rules, so a parameter, axis or metric is the same on both pages.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from metasweep.page.data import Column
from metasweep.sweeps import is_finite

MOST_LEVELS = 12  # a parameter with more numbers gets a continuous axis
LOG_RATIO = 50.0  # positive numbers that span at least this ratio are on a logarithmic axis
MOST_METRICS = 200  # columns; those that the fewest runs have are left out
SHOWN_METRICS = 10  # in the table until the reader chooses
RESERVED = ("id", "name", "state", "url")  # columns that the page adds itself
ACCURACY = re.compile(r"(^|[^a-z])(acc|accuracy)$", re.IGNORECASE)
SMALLER_IS_BETTER = re.compile(
    r"(loss|error|err|mse|rmse|mae|perplexity|runtime|time|seconds)$", re.IGNORECASE
)
TRAINING = re.compile(r"^train", re.IGNORECASE)
Values = Sequence[Any]
Goal = Literal["max", "min"]


def flatten(point: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten a nested point to dotted names; lists become texts."""
    flat: dict[str, Any] = {}
    for name, value in point.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            scalar = value is None or isinstance(value, str | int | float)
            flat[f"{prefix}{name}"] = value if scalar else as_text(value)
    return flat


def as_text(value: Any) -> str:
    """Return a value as a person writes it in YAML: true, none, [1, 2]; never Python's repr."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_text, value))}]"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {as_text(item)}" for key, item in value.items()) or "{}"
    return str(value)


def numbers(values: Values) -> list[float]:
    """Return the finite numbers in `values`."""
    return [value for value in values if is_finite(value)]


def spans_decades(found: Sequence[float]) -> bool:
    """Return whether a logarithmic axis shows these numbers better."""
    return len(found) > 1 and min(found) > 0 and max(found) / min(found) >= LOG_RATIO


def drawn_from(space: Any) -> tuple[bool, bool]:
    """Return whether a parameter's values come from a range, and whether evenly in its logarithm."""
    if not isinstance(space, Mapping) or "values" in space or "value" in space:
        return False, False
    name = str(space.get("distribution", ""))
    whole = "int" in name or "q" in space or all(isinstance(space.get(end), int) for end in ("min", "max"))
    continuous = ("max" in space or "mu" in space) and not whole
    return continuous, "log" in name


def parameter(
    name: str,
    values: Values,
    label: str = "",
    levels: Values = (),
    continuous: bool = False,
    log: bool = False,
) -> Column:
    """Return the column of a parameter: with one slot per value, or with a scale if there are many numbers.

    `levels`: the values from bottom to top, if they have an order of their own. `continuous`: the values come
    from a range, so even a few numbers get a scale; `log`: the range is even in its logarithm.
    """
    distinct = list({(type(value), value): value for value in values if value is not None}.values())
    found = numbers(distinct)
    numeric = len(found) == len(distinct) > 0
    log = numeric and (spans_decades(found) or (log and min(found) > 0))
    if numeric and (continuous or len(distinct) > MOST_LEVELS):
        return Column(name, label or name, "number", log=log)
    return Column(name, label or name, "discrete", log=log, levels=levels)


def is_accuracy(name: str, values: Values) -> bool:
    """Return whether a metric is called an accuracy and is a fraction."""
    return bool(ACCURACY.search(name)) and all(0 <= value <= 1 for value in numbers(values))


def metric(name: str, values: Values, target: str, goal: Goal | None, shown: bool = True) -> Column:
    """Return the column of a metric.

    Axes are the sweep's own metric and the accuracies outside of training.
    """
    better = goal if name == target and goal else "min" if SMALLER_IS_BETTER.search(name) else "max"
    if is_accuracy(name, values):
        axis = name == target or not TRAINING.search(name)
        return Column(name, name, "accuracy", goal=better, axis=axis, shown=shown)
    log = spans_decades(numbers(values))
    return Column(name, name, log=log, goal=better, axis=name == target, shown=shown)


def rank(name: str, target: str) -> tuple[bool, bool, bool, bool, str]:
    """Return the sort key of a metric: the sweep's own, accuracies, losses, the rest; training ones later."""
    return (
        name != target,
        not ACCURACY.search(name),
        not SMALLER_IS_BETTER.search(name),
        bool(TRAINING.search(name)),
        name,
    )


def metric_names(
    summaries: Sequence[Mapping[str, Any]], target: str, parameters: Sequence[str] = ()
) -> list[str]:
    """Return the metrics of some runs, the most informative first, without names of parameters.

    A metric that fewer than half as many runs have as the most common one comes after the others.
    """
    counts: dict[str, int] = {}
    for summary in summaries:
        for name, value in summary.items():
            if not name.startswith("_") and is_finite(value):
                counts[name] = counts.get(name, 0) + 1
    for name in (*RESERVED, *parameters):
        counts.pop(name, None)
    common = sorted(counts, key=lambda name: (name != target, -counts[name]))[:MOST_METRICS]
    most = max(counts.values(), default=0)
    return sorted(
        common,
        key=lambda name: (name != target, counts[name] * 2 < most, rank(name, target)),
    )
