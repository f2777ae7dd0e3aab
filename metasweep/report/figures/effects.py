"""How each hyper-parameter affects a metric: its distribution at every value, with mean and interval."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.axes import (
    Axis,
    metric_axes,
    ordered_levels,
    ranks,
)
from metasweep.report.figures.drawing.panel import (
    FOOT,
    TITLE_ROOM,
    Panel,
    key,
)
from metasweep.report.figures.drawing.style import (
    MARGIN,
    SMALL,
    THEMES,
    WIDTH,
    Theme,
    heading_height,
    house_style,
    sheet,
)
from metasweep.report.measure.effects import mean_interval
from metasweep.report.measure.statistics import Interval
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import TEST_ACCURACY

Array = npt.NDArray[np.float64]
PANEL_HEIGHT = 160.0
BETWEEN = 18.0
COLUMNS = 4
MOST_BINS = 6  # a continuous parameter is divided into this many classes of equal size
UP_TO = "≤ "  # before the largest value of a class; left out where it has no room


@house_style
def effects(
    runs: pd.DataFrame,
    parameters: Sequence[str],
    *,
    metric: Quantity = TEST_ACCURACY,
    levels: Mapping[str, Sequence[Hashable]] | None = None,
    chance: float | None = None,
    confidence: float = 0.95,
    repeats: pd.DataFrame | None = None,
    title: str = "",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw one panel per parameter: at each value all runs as sorted points, with mean and t interval.

    At each value the runs go from left to right by rank, so a column of points is a cumulative distribution
    and no point hides another. The mean includes all runs with a value, also those at chance. Its interval is
    over the seeds where `repeats` says which runs repeat each other (`measure.effects`). Raises ValueError if
    no run has a value.
    """
    values = pd.to_numeric(runs[metric.column], errors="coerce").to_numpy(dtype=np.float64)
    runs, values = runs[np.isfinite(values)], values[np.isfinite(values)]
    if not len(values) or not parameters:
        raise ValueError("effects need at least one parameter and one run with a value")
    look = THEMES[theme]
    axis = level_chance(metric_axes(runs, [metric], ranks(values), chance)[0])
    if subtitle is None:
        subtitle = f"{metric.title} of {text.quantity(len(runs), 'run')}, sorted within each value"
    columns = min(len(parameters), COLUMNS)
    rows = -(-len(parameters) // columns)
    above = heading_height(title, subtitle, WIDTH) + 28
    pitch = TITLE_ROOM + PANEL_HEIGHT + FOOT + 10
    figure, surface = sheet(WIDTH, above + rows * pitch + MARGIN - 6, title, subtitle, look)
    height = figure.get_figheight() * 72
    panels = {name: grouped(runs[name], (levels or {}).get(name)) for name in parameters}
    means = {
        name: [_mean(runs, values, members, repeats, confidence) for _, members in groups]
        for name, groups in panels.items()
    }
    known = any(np.isfinite(each.half_width) for estimates in means.values() for each in estimates)
    mean = f"mean, {interval_words(confidence, repeats)}" if known else "mean"
    key(surface, [("run", look.test, "o"), (mean, look.ink, "-")], MARGIN, height - above + 14, look)
    ticks = [*axis.ticks(0.09), *((slot.middle, slot.label) for slot in axis.slots)]
    margin = MARGIN + max(text.width(label, SMALL) for _, label in ticks) + 6
    width = (WIDTH - margin - MARGIN - (columns - 1) * BETWEEN) / columns
    for index, name in enumerate(parameters):
        left = margin + (index % columns) * (width + BETWEEN)
        bottom = height - above - (index // columns) * pitch - TITLE_ROOM - PANEL_HEIGHT
        panel = Panel(surface, look, left, bottom, width, PANEL_HEIGHT)
        panel.title(text.parameter(name))
        panel.grid(ticks, labels=index % columns == 0)
        _draw(panel, axis, panels[name], means[name])
    return figure


def interval_words(confidence: float, repeats: pd.DataFrame | None) -> str:
    """Say which interval is drawn, and over what."""
    return f"{text.percent(confidence)} t interval over {'runs' if repeats is None else 'seeds'}"


def level_chance(axis: Axis) -> Axis:
    """Return the axis with all runs of a special slot at its middle.

    Here they need no separate places.
    """
    heights = axis.heights.copy()
    for slot in axis.slots:
        heights[(heights >= slot.low) & (heights <= slot.high)] = slot.middle
    return replace(axis, heights=heights)


def grouped(
    column: pd.Series, levels: Sequence[Hashable] | None = None
) -> list[tuple[str, npt.NDArray[np.intp]]]:
    """Return (label, row numbers) for each value in order.

    Many numbers are divided into classes of equal size.
    """
    numbers = pd.to_numeric(column, errors="coerce")
    distinct = column.dropna().nunique()
    if distinct > 12 and numbers.notna().sum() == column.notna().sum():
        return _classes(numbers)
    keys = column.astype(object).to_numpy()
    order = ordered_levels(column.astype(object), levels)
    found = [
        (label, np.flatnonzero([key == value for key in keys]))
        for label, value in zip(text.labels(order), order, strict=True)
    ]
    missing = np.flatnonzero(column.isna().to_numpy())
    return [*found, (text.NOT_SET, missing)] if len(missing) else found


def _classes(numbers: pd.Series) -> list[tuple[str, npt.NDArray[np.intp]]]:
    values = numbers.to_numpy(dtype=np.float64)
    known = values[np.isfinite(values)]
    ends = np.unique(np.quantile(known, np.arange(1, MOST_BINS + 1) / MOST_BINS, method="higher"))
    codes = np.searchsorted(ends, values)
    labels = [f"{UP_TO}{label}" for label in text.labels(list(ends), digits=2)]
    found = [(label, np.flatnonzero(codes == code)) for code, label in enumerate(labels)]
    missing = np.flatnonzero(~np.isfinite(values))
    return [*found, (text.NOT_SET, missing)] if len(missing) else found


def _draw(
    panel: Panel,
    axis: Axis,
    groups: Sequence[tuple[str, npt.NDArray[np.intp]]],
    estimates: Sequence[Interval],
) -> None:
    look, share = panel.look, 1 / len(groups)
    for index, (_, members) in enumerate(groups):
        centre = (index + 0.5) * share
        if not len(members):
            continue
        _points(panel, axis, members, centre, share)
        estimate = estimates[index]
        mean = _height(axis, estimate.mean)
        x = float(panel.x(centre))
        if np.isfinite(estimate.half_width):
            ends = panel.y([_height(axis, estimate.low), _height(axis, estimate.high)])
            panel.surface.plot([x, x], ends, color=look.background, linewidth=4, zorder=4)
            panel.surface.plot([x, x], ends, color=look.ink, linewidth=1.6, zorder=5)
        panel.surface.plot(
            [x], panel.y([mean]), "o", color=look.ink, mec=look.background, mew=1, markersize=5.5, zorder=6
        )
    room = panel.width * share - 4
    labels = [label for label, _ in groups]
    if any(text.width(label, SMALL) > room for label in labels):
        labels = [label.removeprefix(UP_TO) for label in labels]
    panel.base()
    panel.foot(
        [((i + 0.5) * share, text.fit(label, room, SMALL)) for i, label in enumerate(labels)],
        ink=look.ink,
    )


def _mean(
    runs: pd.DataFrame,
    values: Array,
    members: npt.NDArray[np.intp],
    repeats: pd.DataFrame | None,
    confidence: float,
) -> Interval:
    own = None if repeats is None else repeats.loc[runs["run_id"].iloc[members]]
    return mean_interval(values[members], own, confidence=confidence)


def _points(panel: Panel, axis: Axis, members: npt.NDArray[np.intp], centre: float, share: float) -> None:
    heights = axis.heights[members]
    order = np.argsort(heights, kind="stable")
    offsets = np.empty(len(members))
    offsets[order] = (np.arange(len(members)) + 0.5) / len(members) - 0.5
    low = heights < axis.floor
    colours = panel.look.ramp((heights - axis.floor) / (1 - axis.floor))
    colours[low] = _grey(panel.look)
    size = float(np.clip(60 / np.sqrt(len(members)), 2.5, 9))
    panel.surface.scatter(
        panel.x(centre + 0.78 * share * offsets),
        panel.y(heights),
        s=size,
        c=colours,
        linewidths=0,
        zorder=2,
        rasterized=len(members) > 1500,
    )


def _grey(look: Theme) -> tuple[float, float, float, float]:
    return to_rgba(look.chance)


def _height(axis: Axis, value: float) -> float:
    assert axis.scale is not None
    return axis.floor + (1 - axis.floor) * float(axis.scale.forward(value))
