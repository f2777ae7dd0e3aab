"""Learning curves of the runs that converged, of those that did not, and of single runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.panel import (
    FOOT,
    TITLE_ROOM,
    Panel,
    key,
    whole_ticks,
)
from metasweep.report.figures.drawing.scales import Scale, accuracy_scale, number_scale
from metasweep.report.figures.drawing.style import (
    MARGIN,
    SMALL,
    THEMES,
    WIDTH,
    heading_height,
    house_style,
    sheet,
)
from metasweep.report.figures.parallel import VECTOR_LINES, stroke
from metasweep.report.read.quantities import SPLIT_WORDS, Quantity
from metasweep.report.read.study import TEST_ACCURACY

Array = npt.NDArray[np.float64]
Curve = tuple[Array, Array]  # epochs, values
PANEL_HEIGHT = 190.0
SMALL_HEIGHT = 112.0
TICK_ROOM = 40.0  # tick labels left of a panel
COLUMNS = 4
CAPTION = SMALL + 6


def curves_of(history: pd.DataFrame, metric: Quantity, x: str = "epoch") -> dict[str, Curve]:
    """Return run_id -> (epochs, values) of a metric.

    The epoch of a step that logged none is interpolated. A value that is not finite stays NaN: the curve has
    a gap there.
    """
    runs, names = pd.factorize(history["run_id"])
    steps, given, values = (history[name].to_numpy(dtype=np.float64) for name in ("step", x, metric.column))
    order = np.lexsort((steps, runs))
    ends = np.searchsorted(runs[order], range(len(names) + 1))
    found = {}
    for name, (start, end) in zip(names, pairwise(ends), strict=True):
        rows = order[start:end]
        at = steps[rows] if x == "step" else _epochs(steps[rows], given[rows])
        logged = ~np.isnan(values[rows]) & np.isfinite(at)
        if logged.any():
            shown = np.where(np.isfinite(values[rows]), values[rows], np.nan)
            found[str(name)] = (at[logged], shown[logged])
    return found


@house_style
def convergence(
    history: pd.DataFrame,
    *,
    metric: Quantity = TEST_ACCURACY,
    title: str = "Convergent runs",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw all curves of an accuracy at full scale and, beside it, their ends enlarged; the best on top.

    The enlarged part shows the range of the final values and as much below it. Raises ValueError if nothing
    was logged.
    """
    x = axis_of(history)
    curves = _sorted(curves_of(history, metric, x), metric.sign)
    if not curves:
        raise ValueError(f"no run has logged {metric.name}")
    look = THEMES[theme]
    if subtitle is None:
        subtitle = f"{metric.title} of {text.quantity(len(curves), 'run')}, at right the framed part"
    above = heading_height(title, subtitle, WIDTH) + 14
    height = above + PANEL_HEIGHT + FOOT + CAPTION + MARGIN
    figure, surface = sheet(WIDTH, height, title, subtitle, look)
    bottom = height - above - PANEL_HEIGHT
    width = (WIDTH - 2 * MARGIN - 2 * TICK_ROOM - 14) / 2
    ends = np.array([values[np.isfinite(values)][-1] for _, values in curves])
    zoom = _zoom(ends, metric)
    colours = look.ramp(_spread(metric.sign * ends))
    full = Scale(0.0, 1.0, as_percent=True) if metric.is_accuracy else _scale_of(curves, metric)
    left = Panel(surface, look, MARGIN + TICK_ROOM, bottom, width, PANEL_HEIGHT)
    right = Panel(surface, look, WIDTH - MARGIN - width, bottom, width, PANEL_HEIGHT)
    for panel, scale in ((left, full), (right, zoom)):
        _draw(panel, curves, scale, colours, x)
    frame = full.forward([zoom.low, zoom.high])
    box = left.points([0, 1, 1, 0, 0], frame[[0, 0, 1, 1, 0]])
    surface.plot(*box.T, color=look.ink, linewidth=0.9, zorder=5)
    return figure


@house_style
def divergence(
    history: pd.DataFrame,
    reasons: Mapping[str, str],
    *,
    metric: Quantity = TEST_ACCURACY,
    chance: float | None = None,
    title: str = "Divergent runs",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw one panel for each word of what happened, the most frequent first, with the curves of its runs.

    reasons: run_id -> the word. A run without finite values is counted but has no curve. Raises ValueError if
    there is no run.
    """
    if not reasons:
        raise ValueError("there is no divergent run to draw")
    look = THEMES[theme]
    counts = pd.Series(dict(reasons)).value_counts(sort=False).sort_values(ascending=False, kind="stable")
    x = axis_of(history)
    curves = curves_of(history, metric, x)
    if subtitle is None:
        subtitle = f"{metric.title} of {text.quantity(len(reasons), 'run')} by what happened to them"
        subtitle += f" · dashed: chance, {text.percent(chance, 2)}" if chance else ""
    scale = _scale_of([curves[run] for run in reasons if run in curves], metric)
    columns = min(max(len(counts), 2), COLUMNS)
    rows = -(-len(counts) // columns)
    above = heading_height(title, subtitle, WIDTH) + 8
    pitch = TITLE_ROOM + 12 + SMALL_HEIGHT + FOOT + CAPTION + 8
    height = above + rows * pitch + MARGIN - 8
    figure, surface = sheet(WIDTH, height, title, subtitle, look)
    width = (WIDTH - 2 * MARGIN - TICK_ROOM - (columns - 1) * 18) / columns
    for index, (reason, count) in enumerate(counts.items()):
        left = MARGIN + TICK_ROOM + (index % columns) * (width + 18)
        bottom = height - above - (index // columns) * pitch - TITLE_ROOM - 12 - SMALL_HEIGHT
        panel = Panel(surface, look, left, bottom, width, SMALL_HEIGHT)
        panel.title(str(reason), below=text.quantity(int(count), "run"))
        own = [curves[run] for run, word in reasons.items() if word == reason and run in curves]
        shades = np.tile(look.ramp(0.75), (len(own), 1))
        _draw(panel, own, scale, shades, x, labels=index % columns == 0)
        if chance is not None:
            line = panel.points([0, 1], scale.forward([chance, chance]))
            surface.plot(*line.T, color=look.muted, linewidth=1, dashes=(4, 3), zorder=1.5)
    return figure


@house_style
def single_runs(
    history: pd.DataFrame,
    cases: Sequence[tuple[str, str, str]],
    *,
    metrics: Sequence[tuple[Quantity | None, Quantity]] = ((None, TEST_ACCURACY),),
    title: str = "Single runs",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw one column per run, with one panel per pair of metrics: in training and as reported.

    cases: (run_id, what it shows, its configuration). Raises ValueError without cases.
    """
    if not cases:
        raise ValueError("there is no single run to draw")
    look = THEMES[theme]
    if subtitle is None:
        subtitle = "From above: " + ", ".join(metric.words for _, metric in metrics)
    above = heading_height(title, subtitle, WIDTH) + 30
    columns = min(max(len(cases), 2), COLUMNS)
    rows = -(-len(cases) // columns)
    depth = len(metrics) * (SMALL_HEIGHT + 14) - 14
    block = TITLE_ROOM + 12 + depth + FOOT + CAPTION + 10
    height = above + rows * block + MARGIN - 10
    figure, surface = sheet(WIDTH, height, title, subtitle, look)
    entries = [("training", look.train, "-")] if any(train for train, _ in metrics) else []
    shown = SPLIT_WORDS.get(metrics[0][1].split, "reported") if metrics[0][1].split else "reported"
    key(surface, [*entries, (shown, look.test, "-")], MARGIN, height - above + 14, look)
    x = axis_of(history)
    scales = [_shared(history, [case[0] for case in cases], pair) for pair in metrics]
    width = (WIDTH - 2 * MARGIN - TICK_ROOM - (columns - 1) * 18) / columns
    for index, (run, name, configuration) in enumerate(cases):
        left = MARGIN + TICK_ROOM + (index % columns) * (width + 18)
        top = height - above - (index // columns) * block - TITLE_ROOM - 12
        rows_of = history[history["run_id"] == run]
        for place, (pair, scale) in enumerate(zip(metrics, scales, strict=True)):
            bottom = top - SMALL_HEIGHT - place * (SMALL_HEIGHT + 14)
            panel = Panel(surface, look, left, bottom, width, SMALL_HEIGHT)
            if place == 0:
                panel.title(name, below=configuration)
            foot = place == len(metrics) - 1
            _pair(panel, rows_of, pair, scale, x, labels=index % columns == 0, foot=foot)
    return figure


def axis_of(history: pd.DataFrame) -> str:
    """Return the x axis of the curves in a figure: epochs if some run logged them, else steps."""
    return "epoch" if "epoch" in history and history["epoch"].notna().any() else "step"


def _epochs(steps: Array, epochs: Array) -> Array:
    """Return the epoch of every step of a run, from those that logged one; NaN in runs that logged none."""
    known = np.isfinite(epochs)
    if not known.any():
        return np.full(len(steps), np.nan)
    start = ([steps[0] - 1], [0.0]) if epochs[known][0] > 0 and not known[0] else ([], [])
    return np.interp(
        steps, np.concatenate([start[0], steps[known]]), np.concatenate([start[1], epochs[known]])
    )


def _sorted(curves: Mapping[str, Curve], sign: float) -> list[Curve]:
    """Return the curves from the worst to the best, without those that have no finite value."""
    finite = [curve for curve in curves.values() if np.isfinite(curve[1]).any()]
    return sorted(finite, key=lambda curve: sign * float(curve[1][np.isfinite(curve[1])][-1]))


def _zoom(ends: Array, metric: Quantity) -> Scale:
    low, high = float(ends.min()), float(ends.max())
    if metric.is_accuracy:
        return accuracy_scale([max(low - (high - low), 0.0), high], linear=True)
    return number_scale([low, high + (high - low)])


def _spread(values: Array) -> Array:
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.ones(len(values))


def _scale_of(curves: Sequence[Curve], metric: Quantity) -> Scale:
    values = np.concatenate([values for _, values in curves]) if curves else np.array([])
    finite = values[np.isfinite(values)]
    if metric.is_accuracy:
        return Scale(0.0, min(1.0, max(0.25, 1.05 * float(finite.max(initial=0)))), as_percent=True)
    return number_scale(finite)


Pair = tuple[Quantity | None, Quantity]  # a metric in training, if known, and as reported


def _shared(history: pd.DataFrame, runs: Sequence[str], pair: Pair) -> Scale:
    own = history[history["run_id"].isin(runs)]
    names = list(dict.fromkeys(metric.column for metric in pair if metric is not None))
    if pair[1].is_accuracy:
        return Scale(0.0, 1.0, as_percent=True)
    return number_scale(own[names].to_numpy(dtype=np.float64))


def _pair(
    panel: Panel, rows: pd.DataFrame, pair: Pair, scale: Scale, x: str, *, labels: bool, foot: bool
) -> None:
    look = panel.look
    curves, colours, widths = [], [], []
    for metric, colour, line in zip(pair, (look.train, look.test), (1.2, 1.8), strict=True):
        found = {} if metric is None else curves_of(rows, metric, x)
        curves += list(found.values())
        colours += [colour] * len(found)
        widths += [line] * len(found)
    _draw(panel, curves, scale, colours, x, labels=labels, foot=foot, widths=widths, marks=1)


def _draw(
    panel: Panel,
    curves: Sequence[Curve],
    scale: Scale,
    colours: npt.ArrayLike,
    x: str,
    *,
    labels: bool = True,
    foot: bool = True,
    widths: Sequence[float] | None = None,
    marks: int = 60,
) -> None:
    """Draw curves in a panel, over all epochs that any of them has. If there are few points, mark them."""
    panel.grid(scale.ticks(26 / panel.height), labels=labels)
    panel.base()
    if not curves:
        return
    ends = [(float(epochs.min()), float(epochs.max())) for epochs, _ in curves]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    across = Scale(low, high) if high > low else Scale(low - 0.5, high + 0.5)
    lines = [
        panel.points(across.forward(epochs), scale.forward(values, clip=False)) for epochs, values in curves
    ]
    alpha, width = stroke(len(curves))
    drawn = LineCollection(
        lines,
        colors=colours,
        linewidths=widths or max(width, 0.6),
        alpha=1.0 if widths else alpha,
        zorder=2,
        rasterized=len(curves) > VECTOR_LINES,
    )
    panel.surface.add_collection(drawn)
    drawn.set_clip_path(panel.window(margin=1.0))
    if max(len(line) for line in lines) <= 2 and len(lines) <= marks:
        for line, colour in zip(lines, list(np.asarray(colours)), strict=True):
            panel.surface.plot(*line.T, "o", color=colour, markersize=3, zorder=3)
    if foot:
        panel.foot(whole_ticks(across.low, across.high, most=6))
        panel.caption(x.capitalize())
