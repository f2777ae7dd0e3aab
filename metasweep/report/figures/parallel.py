"""The parallel-coordinates chart: every run is a curve through its parameters to its accuracies.

Lengths are in points (1/72 inch). `axes` computes where runs cross the axes; this file draws them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes as Canvas
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.axes import (
    Axis,
    Ranks,
    metric_axes,
    no_better,
    parameter_axis,
    ranks,
)
from metasweep.report.figures.drawing.lines import Pen, blended, lines, show_blend
from metasweep.report.figures.drawing.style import (
    BODY,
    LABEL,
    MARGIN,
    SMALL,
    THEMES,
    WIDTH,
    Theme,
    heading_height,
    house_style,
    sheet,
)
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import TEST_ACCURACY, VALIDATION_ACCURACY

Array = npt.NDArray[np.float64]
AXIS_HEIGHT = 270.0
LABEL_ROOM = 16.0  # a tick label and the space around it
ROOMY_SLOTS = 8  # an axis with more slots than this has smaller labels
GAP = 74.0  # the least distance of two axes; more axes make a wider figure
HISTOGRAM = 72.0
BINS = 30
VECTOR_LINES = (
    1500  # more runs than this are one picture inside the SVG, which keeps it below a few hundred kB
)


@dataclass(frozen=True)
class Layout:
    """Where the chart's parts are in the figure."""

    width: float
    height: float
    xs: Array  # x of every axis
    bottom: float
    top: float  # of the axes

    @property
    def gap(self) -> float:
        """Distance of neighbouring axes."""
        return float(self.xs[1] - self.xs[0])

    def y(self, heights: npt.ArrayLike) -> Array:
        """Convert fractions of an axis to points."""
        return self.bottom + np.asarray(heights, dtype=np.float64) * (self.top - self.bottom)


@house_style
def parallel_coordinates(
    runs: pd.DataFrame,
    parameters: Sequence[str],
    *,
    metrics: Sequence[Quantity] = (VALIDATION_ACCURACY, TEST_ACCURACY),
    levels: Mapping[str, Sequence[Hashable]] | None = None,
    chance: float | None = None,
    title: str = "",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw each row of `runs` as a curve, coloured by the last metric.

    parameters, metrics: columns, one axis each in this order. levels: all values of a discrete parameter in
    order, also those without a run. chance: runs at or below this accuracy are grey, in a slot of their own.
    subtitle: None describes the runs and the colours. Raises ValueError without runs or metrics.
    """
    if runs.empty or not metrics:
        raise ValueError("parallel coordinates need at least one run and one metric")
    look = THEMES[theme]
    values = _finite(runs[metrics[-1].column])
    missing = np.isnan(values)
    lost = no_better(values, chance if metrics[-1].is_accuracy else None)
    grey = missing | lost
    rank = ranks(-values if not metrics[-1].maximize else values)
    axes = [
        parameter_axis(runs[name], rank, LABEL_ROOM / AXIS_HEIGHT, (levels or {}).get(name))
        for name in parameters
    ]
    axes += metric_axes(runs, metrics, rank, chance)
    if subtitle is None:
        subtitle = describe(len(runs), int(lost.sum()), int(missing.sum()), metrics[-1])
    layout = _lay_out(axes, title, subtitle)
    figure, surface = sheet(layout.width, layout.height, title, subtitle, look)
    _draw_lines(surface, axes, layout, rank, _shades(axes[-1], grey), look)
    for axis, x in zip(axes, layout.xs[-len(axes) :], strict=True):
        _draw_axis(surface, axis, float(x), layout, look, last=axis is axes[-1])
    _draw_histogram(surface, axes[-1], ~grey, layout, look)
    return figure


def describe(runs: int, lost: int, missing: int, metric: Quantity) -> str:
    """Return the line under the title: the number of runs, and what the colours mean."""
    line = f"{text.quantity(runs, 'run')} · coloured by {metric.words}"
    grey = [(lost, "no better than chance"), (missing, "without a value")]
    named = [f"{text.number(count, 12)} {what}" for count, what in grey if count]
    return f"{line} · grey: {', '.join(named)}" if named else line


def stroke(runs: int) -> tuple[float, float]:
    """Return (alpha, width in points) of the lines; fewer lines are bolder."""
    alpha = float(np.clip(13 / np.sqrt(runs), 0.5, 0.85))
    width = float(np.clip(16 / np.sqrt(runs), 0.35, 1.6))
    return alpha, width


def histogram(
    axis: Axis, shown: npt.NDArray[np.bool_], bins: int = BINS
) -> tuple[npt.NDArray[np.intp], Array]:
    """Return (counts, edges) of the coloured runs' heights on the last axis, above its special slots."""
    edges = np.linspace(axis.floor, 1, bins + 1)
    counts, _ = np.histogram(axis.heights[shown], edges)
    return counts, edges


def _finite(column: pd.Series) -> Array:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def colour_range(axis: Axis, shown: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Return the heights of the worst and the best coloured run on the last axis: the ends of the colours."""
    heights = axis.heights[shown]
    if not len(heights):
        return axis.floor, 1.0
    low, high = float(heights.min()), float(heights.max())
    return (low, high) if high > low else (low - 1, high)


def _shades(axis: Axis, grey: npt.NDArray[np.bool_]) -> Array:
    """Return the place of every run on the ramp of colours, from 0 to 1; NaN for the grey ones."""
    low, high = colour_range(axis, ~grey)
    return np.where(grey, np.nan, (axis.heights - low) / (high - low))


def _colours(shades: Array, look: Theme) -> Array:
    return np.where(np.isnan(shades)[:, None], to_rgba(look.chance), look.ramp(shades))


def _lay_out(axes: Sequence[Axis], title: str, subtitle: str) -> Layout:
    gaps = max(len(axes) - 1, 1)
    roomy = (WIDTH - HISTOGRAM - 120) / gaps  # the approximate gap, to see how titles break
    tick_room = max((text.width(label, SMALL) for _, label in axes[-1].ticks(0.01)), default=0) + 18
    right = MARGIN + HISTOGRAM + max(tick_room, 50, _title_width(axes[-1], max(roomy, GAP)) / 2 + 14)
    left = MARGIN + max(_title_width(axes[0], max(roomy, GAP)), 2 * _label_reach(axes[0]), 44) / 2
    width = max(WIDTH, left + right + GAP * gaps)
    xs = np.linspace(left, width - right, gaps + 1)
    lines = max(len(_title_lines(axis, float(xs[1] - xs[0]))) for axis in axes)
    above = heading_height(title, subtitle, width) + 12 + lines * LABEL * 1.25 + 8
    bottom = MARGIN + 4
    return Layout(width, bottom + AXIS_HEIGHT + above, xs, bottom, bottom + AXIS_HEIGHT)


def _title_width(axis: Axis, gap: float) -> float:
    return max(text.width(line, LABEL, bold=True) for line in _title_lines(axis, gap))


def _label_reach(axis: Axis) -> float:
    """Return how far the labels of the first axis extend to its left."""
    if axis.scale:
        shown = [*(label for _, label in axis.ticks(0.01)), *(slot.label for slot in axis.slots)]
        return max(text.width(label, SMALL) for label in shown) + 10
    return max(text.width(text.fit(slot.label, GAP * 1.2, BODY), BODY) for slot in axis.slots) / 2


def _title_lines(axis: Axis, gap: float) -> list[str]:
    return text.wrap(axis.title, gap - 10, LABEL, bold=True, most=2) or [""]


def _draw_lines(
    surface: Canvas, axes: Sequence[Axis], layout: Layout, rank: Ranks, shades: Array, look: Theme
) -> None:
    grey = np.isnan(shades)
    order = np.lexsort((rank, ~grey))  # grey first, then from the worst to the best on top
    heights = layout.y(np.column_stack([axis.heights for axis in axes]))[order]
    xs, pen = layout.xs[-len(axes) :], Pen(*stroke(len(order)))
    if len(order) > VECTOR_LINES:
        show_blend(surface, blended(xs, heights, shades[order], pen, (layout.width, layout.height)), look)
    else:
        surface.add_collection(lines(xs, heights, _colours(shades[order], look), pen), autolim=False)


def _draw_axis(surface: Canvas, axis: Axis, x: float, layout: Layout, look: Theme, last: bool) -> None:
    for number, line in enumerate(reversed(_title_lines(axis, layout.gap))):
        y = layout.top + 12 + number * LABEL * 1.25
        surface.text(
            x, y, line, size=LABEL, color=look.ink, family=list(text.SEMIBOLD), ha="center", va="baseline"
        )
    low = float(layout.y(axis.floor if axis.scale else 0.0))
    surface.add_collection(
        LineCollection(
            [[(x, low), (x, layout.top)]], colors=look.muted if axis.scale else look.axis, linewidths=0.9
        )
    )
    _draw_slots(surface, axis, x, layout, look, last)
    _draw_ticks(surface, axis, x, layout, look, last)


def _draw_slots(surface: Canvas, axis: Axis, x: float, layout: Layout, look: Theme, last: bool) -> None:
    bars = [[(x, y) for y in layout.y((slot.low, slot.high))] for slot in axis.slots]
    bars = [[(x, low - 0.5), (x, high + 0.5)] for (_, low), (_, high) in bars]
    inks = [look.muted if slot.special else look.bar for slot in axis.slots]
    surface.add_collection(LineCollection(bars, colors=inks, linewidths=2.6, capstyle="butt", zorder=3))
    if axis.scale:
        for slot in axis.slots:
            _beside(surface, slot.label, x, float(layout.y(slot.middle)), look, last)
        return
    size = BODY if len(axis.slots) <= ROOMY_SLOTS else SMALL
    spots = [(float(layout.y(slot.high)) + 2.5, slot) for slot in axis.slots]
    clash = text.overlapping((y, y + size * 1.3) for y, _ in spots)
    for (y, slot), hidden in zip(spots, clash, strict=True):
        if not hidden:
            label = text.fit(slot.label, min(layout.gap - 14, 1.2 * GAP), size)
            _plate(surface, label, x, y, "center", "bottom", size, look)


def _draw_ticks(surface: Canvas, axis: Axis, x: float, layout: Layout, look: Theme, last: bool) -> None:
    ticks = axis.ticks(LABEL_ROOM / AXIS_HEIGHT)
    marks = [[(x, y), (x + 4, y)] if last else [(x - 4, y), (x, y)] for y, _ in _placed(ticks, layout)]
    surface.add_collection(LineCollection(marks, colors=look.muted, linewidths=0.9, zorder=3))
    for y, label in _placed(ticks, layout):
        _beside(surface, label, x, y, look, last)


def _placed(ticks: Sequence[tuple[float, str]], layout: Layout) -> list[tuple[float, str]]:
    return [(float(layout.y(at)), label) for at, label in ticks]


def _beside(surface: Canvas, label: str, x: float, y: float, look: Theme, last: bool) -> None:
    """Draw a label beside the axis.

    At the last axis it is on the right, where there are no lines; elsewhere on a plate to the left.
    """
    if last:
        surface.text(x + 8, y, label, size=SMALL, color=look.muted, ha="left", va="center_baseline")
    else:
        _plate(surface, label, x - 7, y, "right", "center_baseline", SMALL, look)


def _plate(
    surface: Canvas, label: str, x: float, y: float, ha: str, va: str, size: float, look: Theme
) -> None:
    box = {"boxstyle": "round,pad=0.18,rounding_size=0.3", "fc": look.background, "ec": "none", "alpha": 0.78}
    surface.text(x, y, label, size=size, color=look.ink, ha=ha, va=va, bbox=box, zorder=4)


def _draw_histogram(
    surface: Canvas, axis: Axis, shown: npt.NDArray[np.bool_], layout: Layout, look: Theme
) -> None:
    """Draw a histogram on the last axis. Its bars and the strip below them explain the colours."""
    counts, edges = histogram(axis, shown)
    foot = layout.width - MARGIN - HISTOGRAM
    ys = layout.y(edges)
    low, high = colour_range(axis, shown)
    colours = look.ramp(((edges[:-1] + edges[1:]) / 2 - low) / (high - low))
    strip = np.linspace(low if low >= axis.floor else high - 0.02, high, 65)
    shades = look.ramp(((strip[:-1] + strip[1:]) / 2 - low) / (high - low))
    _bars(surface, [(foot, foot + 5)] * 64, layout.y(strip), shades, gap=-0.15)
    longest = max(int(counts.max()), 1)
    spans = [(foot + 7, foot + 7 + (HISTOGRAM - 30) * count / longest) for count in counts]
    _bars(surface, spans, ys, colours, gap=0.6)
    if counts.any():
        at = int(counts.argmax())
        y = float(ys[at : at + 2].mean())
        surface.text(
            spans[at][1] + 4, y, text.number(longest, 12), size=SMALL, color=look.muted, va="center_baseline"
        )
    surface.text(foot, layout.top + 12, "Runs", size=LABEL, color=look.ink, family=list(text.SEMIBOLD))
    for slot in axis.slots:
        label = text.quantity(slot.runs, "run")
        surface.text(
            foot, float(layout.y(slot.middle)), label, size=SMALL, color=look.muted, va="center_baseline"
        )


def _bars(
    surface: Canvas, spans: Sequence[tuple[float, float]], ys: Array, colours: Array, gap: float
) -> None:
    corners = [
        [(left, low + gap), (right, low + gap), (right, high - gap), (left, high - gap)]
        for (left, right), low, high in zip(spans, ys[:-1], ys[1:], strict=True)
    ]
    surface.add_collection(PolyCollection(corners, facecolors=colours, edgecolors="none", linewidths=0))
