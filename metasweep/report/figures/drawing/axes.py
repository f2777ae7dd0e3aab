"""The axes of a parallel-coordinates chart: the kind of each axis, and where every run crosses it.

All heights are fractions of the axis: 0 is its bottom, 1 its top. Nothing here draws.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from metasweep.page.columns import MOST_LEVELS
from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.scales import (
    LINEAR_FROM,
    Scale,
    accuracy_scale,
    number_scale,
)
from metasweep.report.figures.drawing.slots import Slot, spread, stack
from metasweep.report.read.quantities import Quantity

Array = npt.NDArray[np.float64]
Ranks = npt.NDArray[np.intp]
MOST_WORDS = 20  # words past this number share the last slot
SPECIAL_ROOM = 0.16  # the most of a continuous axis that its special slots fill
SPECIAL_GAP = 0.05


@dataclass(frozen=True)
class Axis:
    """One vertical axis: the heights of all runs, and slots, a scale, or a scale above special slots."""

    name: str
    title: str
    heights: Array
    slots: tuple[Slot, ...] = ()
    scale: Scale | None = None
    floor: float = 0.0  # where the scale begins; the special slots are below

    def ticks(self, gap: float) -> list[tuple[float, str]]:
        """(height, label) of the scale's ticks, at least `gap` apart."""
        if self.scale is None:
            return []
        room = 1 - self.floor
        return [(self.floor + at * room, label) for at, label in self.scale.ticks(gap / room)]


def ranks(quality: npt.ArrayLike) -> Ranks:
    """Return every run's rank from the worst (0) up. Runs without a value rank lowest."""
    array = np.asarray(quality, dtype=np.float64)
    order = np.argsort(np.where(np.isnan(array), -np.inf, array), kind="stable")
    rank = np.empty(len(array), dtype=np.intp)
    rank[order] = np.arange(len(array))
    return rank


def is_discrete(column: pd.Series) -> bool:
    """Return whether a column's values get slots: few distinct numbers, or anything but numbers."""
    values = column.dropna()
    if not all(text.is_number(value) for value in values):
        return True
    return values.nunique() <= MOST_LEVELS


def parameter_axis(
    column: pd.Series, rank: Ranks, label_height: float, levels: Sequence[Hashable] | None = None
) -> Axis:
    """Return the axis of one parameter. `levels` lists its values in order, including those without a run."""
    column = column.astype(object)
    if not is_discrete(column) or not is_discrete(pd.Series(list[Any](levels or ()), dtype=object)):
        return _continuous(column, rank)
    return _discrete(column, rank, label_height, levels)


def metric_axes(
    runs: pd.DataFrame, metrics: Sequence[Quantity], rank: Ranks, chance: float | None
) -> list[Axis]:
    """Return the axes of the metrics. Accuracies share one scale, so a falling line is a loss of accuracy.

    Runs at or below `chance` get a slot below the scale, and so do runs without a value.
    """
    columns = {
        metric: pd.to_numeric(runs[metric.column], errors="coerce").to_numpy(dtype=np.float64)
        for metric in metrics
    }
    columns = {metric: np.where(np.isfinite(values), values, np.nan) for metric, values in columns.items()}
    lost = {metric: no_better(values, chance) & metric.is_accuracy for metric, values in columns.items()}
    shared = [np.where(lost[metric], np.nan, columns[metric]) for metric in metrics if metric.is_accuracy]
    linear = is_high(columns[metrics[-1]])
    floor = max(_special_floor(lost[metric], np.isnan(columns[metric])) for metric in metrics)
    axes = []
    for metric in metrics:
        scale = accuracy_scale(np.concatenate(shared), linear) if metric.is_accuracy else None
        scale = scale or number_scale(columns[metric], flip=not metric.maximize)
        special = [("no value", np.isnan(columns[metric])), ("chance", lost[metric])]
        title = metric.title + (f" ({metric.unit})" if metric.unit else "")
        axes.append(_scaled(metric.column, columns[metric], scale, special, rank, floor, title))
    return axes


def no_better(values: Array, chance: float | None) -> npt.NDArray[np.bool_]:
    """Return which accuracies are no better than chance; none if chance is not known."""
    return values <= chance if chance is not None else np.zeros(len(values), dtype=np.bool_)


def is_high(values: Array) -> bool:
    """Return whether all accuracies are so high that a linear scale is used."""
    return bool(np.all(values[~np.isnan(values)] >= LINEAR_FROM))


def _discrete(column: pd.Series, rank: Ranks, label_height: float, levels: Sequence[Hashable] | None) -> Axis:
    ordered = _bottom_up(column, levels)
    shown = dict(zip(ordered, text.labels(ordered), strict=True))
    keys = np.array([shown.get(value) for value in column], dtype=object)
    names = list(dict.fromkeys(shown.values()))
    if len(names) > MOST_WORDS and not all(text.is_number(value) for value in ordered):
        names, keys = _merged(names, keys)
    missing = np.array([key is None for key in keys])
    groups = [(name, np.flatnonzero(keys == name), False) for name in names]
    if missing.any():
        groups.insert(0, (text.NOT_SET, np.flatnonzero(missing), True))
    bars = stack([len(members) for _, members, _ in groups], label_height)
    heights, slots = np.empty(len(column)), []
    for (label, members, special), (low, high) in zip(groups, bars, strict=True):
        heights[members] = spread(members, rank, low, high)
        slots.append(Slot(label, low, high, len(members), special))
    return Axis(str(column.name), text.parameter(str(column.name)), heights, tuple(slots))


def ordered_levels(column: pd.Series, levels: Sequence[Hashable] | None) -> list[Hashable]:
    """Return the values of a parameter in reading order: numbers ascending, words as in `levels`.

    Words that `levels` lacks come last, in natural order.
    """
    present = list(pd.unique(column.dropna()))
    known = list(levels or [])
    rest = [value for value in present if value not in known]
    if all(text.is_number(value) for value in [*known, *rest]):
        return sorted([*known, *rest], key=float)
    return [*known, *sorted(rest, key=_naturally)]


def _bottom_up(column: pd.Series, levels: Sequence[Hashable] | None) -> list[Hashable]:
    """Return values from the bottom up.

    Numbers ascend; words are in reverse, so that they read from the top.
    """
    ordered = ordered_levels(column, levels)
    return ordered if all(text.is_number(value) for value in ordered) else ordered[::-1]


def _naturally(value: Hashable) -> list[tuple[int, int, str]]:
    """Sort key that puts "layer2" before "layer10"."""
    parts = re.split(r"(\d+)", str(value))
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _merged(names: list[str], keys: npt.NDArray[np.object_]) -> tuple[list[str], npt.NDArray[np.object_]]:
    counts = pd.Series(keys).value_counts()
    kept = {str(name) for name in counts.index[: MOST_WORDS - 1]}
    other = f"{len(names) - len(kept)} others"
    keys = np.array([key if key is None or key in kept else other for key in keys], dtype=object)
    return [other, *(name for name in names if name in kept)], keys


def _continuous(column: pd.Series, rank: Ranks) -> Axis:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    missing = ~np.isfinite(values)
    special = [(text.NOT_SET, missing)]
    return _scaled(str(column.name), values, number_scale(values), special, rank, _special_floor(missing))


def _special_floor(*masks: npt.NDArray[np.bool_]) -> float:
    """Return where the scale begins above the special slots: at their share of the runs, up to a limit."""
    if not any(mask.any() for mask in masks):
        return 0.0
    share = sum(float(mask.mean()) for mask in masks)
    return SPECIAL_GAP * sum(bool(mask.any()) for mask in masks) + SPECIAL_ROOM * max(share, 0.15)


def _scaled(
    name: str,
    values: Array,
    scale: Scale,
    special: Sequence[tuple[str, npt.NDArray[np.bool_]]],
    rank: Ranks,
    floor: float,
    title: str = "",
) -> Axis:
    heights = floor + (1 - floor) * scale.forward(values)
    present = [(label, np.flatnonzero(mask)) for label, mask in special if mask.any()]
    total = sum(len(members) for _, members in present)
    room = floor - SPECIAL_GAP * len(present)
    slots, low = [], 0.0
    for label, members in present:
        high = low + room * len(members) / total
        heights[members] = spread(members, rank, low, high)
        slots.append(Slot(label, low, high, len(members), special=True))
        low = high + SPECIAL_GAP
    return Axis(name, text.clean(title) or text.parameter(name), heights, tuple(slots), scale, floor)
