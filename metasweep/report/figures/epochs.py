"""A metric per epoch, averaged over the runs of each value of a hyper-parameter."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.panel import (
    FOOT,
    TITLE_ROOM,
    Panel,
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
from metasweep.report.figures.effects import grouped, interval_words
from metasweep.report.measure.effects import mean_interval
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import TEST_ACCURACY

Array = npt.NDArray[np.float64]
Line = tuple[str, Array, Array, Array, Array]  # label, epochs, mean, low, high
PANEL_HEIGHT = 150.0
COLUMNS = 3
TICK_ROOM = 40.0
MOST_LABEL = 70.0  # the most room of the labels at the right of a panel


@house_style
def effects_by_epoch(
    runs: pd.DataFrame,
    history: pd.DataFrame,
    parameters: Sequence[str],
    *,
    metric: Quantity = TEST_ACCURACY,
    x: str = "epoch",
    levels: Mapping[str, Sequence[Hashable]] | None = None,
    confidence: float = 0.95,
    repeats: pd.DataFrame | None = None,
    title: str = "",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw one panel per parameter: for each value the mean over its runs per epoch, with a t interval.

    history: rows (run_id, x, the metric); x is "epoch" or "step". Raises ValueError if there are no values.
    """
    table = _table(runs, history, metric, x)
    if table.empty or not parameters:
        raise ValueError(f"no run has logged {metric.name} with its {x}")
    look = THEMES[theme]
    panels = {
        name: means(runs, table, name, (levels or {}).get(name), confidence, repeats) for name in parameters
    }
    if subtitle is None:
        known = any(np.isfinite(low).all() for lines in panels.values() for *_, low, _ in lines)
        band = f", band: {interval_words(confidence, repeats)}" if known else ""
        subtitle = f"Mean {metric.words} over runs{band}"
    scale = _scale([line for lines in panels.values() for line in lines], metric)
    columns = min(len(parameters), COLUMNS) if len(parameters) != 4 else 2
    rows = -(-len(parameters) // columns)
    above = heading_height(title, subtitle, WIDTH) + 8
    pitch = TITLE_ROOM + PANEL_HEIGHT + FOOT + SMALL + 12
    height = above + rows * pitch + MARGIN - 6
    figure, surface = sheet(WIDTH, height, title, subtitle, look)
    widest = max(text.width(line[0], SMALL) for lines in panels.values() for line in lines)
    beside = min(widest, MOST_LABEL) + 18
    width = (WIDTH - 2 * MARGIN - TICK_ROOM - beside * columns) / columns
    for index, (name, lines) in enumerate(panels.items()):
        left = MARGIN + TICK_ROOM + (index % columns) * (width + beside)
        bottom = height - above - (index // columns) * pitch - TITLE_ROOM - PANEL_HEIGHT
        panel = Panel(surface, look, left, bottom, width, PANEL_HEIGHT)
        panel.title(text.parameter(name))
        panel.grid(scale.ticks(22 / PANEL_HEIGHT), labels=index % columns == 0)
        panel.base()
        _draw(panel, lines, scale, table["epoch"])
        panel.caption(x.capitalize())
    return figure


def means(
    runs: pd.DataFrame,
    table: pd.DataFrame,
    parameter: str,
    levels: Sequence[Hashable] | None = None,
    confidence: float = 0.95,
    repeats: pd.DataFrame | None = None,
) -> list[Line]:
    """Return (label, epochs, mean, low, high) for every value of a parameter that has runs with values."""
    lines = []
    ids = runs["run_id"].to_numpy()
    for label, members in grouped(runs[parameter], levels):
        own = table[table["run_id"].isin(ids[members])]
        found = [
            (
                epoch,
                mean_interval(
                    rows["value"].to_numpy(dtype=np.float64),
                    None if repeats is None else repeats.loc[rows["run_id"]],
                    confidence=confidence,
                ),
            )
            for epoch, rows in own.groupby("epoch")
        ]
        if found:
            epochs = np.array([float(epoch) for epoch, _ in found])
            spread = np.array([[one.mean, one.low, one.high] for _, one in found])
            lines.append((label, epochs, *spread.T))
    return lines


def apart(ys: Sequence[float], gap: float) -> list[float]:
    """Return the positions, moved as little as possible until all are `gap` apart, in order.

    As little as possible: by least squares.
    """
    order = np.argsort(ys, kind="stable")
    steps = gap * np.arange(len(ys))
    moved = np.empty(len(ys))
    moved[order] = isotonic_regression(np.asarray(ys)[order] - steps).x + steps
    return [float(y) for y in moved]


def _table(runs: pd.DataFrame, history: pd.DataFrame, metric: Quantity, x: str) -> pd.DataFrame:
    rows = history.loc[history["run_id"].isin(runs["run_id"]), ["run_id", x, metric.column]]
    rows = rows.rename(columns={metric.column: "value", x: "epoch"}).dropna()
    return rows[np.isfinite(rows["value"])]


def _scale(lines: Sequence[Line], metric: Quantity) -> Scale:
    values = np.concatenate([np.concatenate([mean, low, high]) for _, _, mean, low, high in lines])
    if metric.is_accuracy:
        return accuracy_scale(np.clip(values, 0.0, 1.0))
    return number_scale(values)


def _draw(panel: Panel, lines: Sequence[Line], scale: Scale, epochs: pd.Series) -> None:
    look = panel.look
    low, high = float(epochs.min()), float(epochs.max())
    across = Scale(low, high) if high > low else Scale(low - 0.5, high + 0.5)
    shades = look.shades(len(lines))
    for (_, at, mean, below, above), shade in zip(lines, shades, strict=True):
        xs = across.forward(at)
        if np.isfinite(below).all():
            band = np.vstack(
                [panel.points(xs, scale.forward(below)), panel.points(xs, scale.forward(above))[::-1]]
            )
            panel.surface.add_collection(
                PolyCollection([band], facecolors=[shade], edgecolors="none", alpha=0.2, zorder=2)
            )
        panel.surface.plot(
            *panel.points(xs, scale.forward(mean)).T, "-o", color=shade, linewidth=1.6, markersize=3, zorder=3
        )
    heights = [float(panel.y(scale.forward(line[2][-1]))) for line in lines]
    for line, shade, y in zip(lines, shades, apart(heights, SMALL + 1.5), strict=True):
        x = panel.left + panel.width
        label = text.fit(line[0], MOST_LABEL, SMALL)
        panel.surface.plot([x + 4, x + 8], [y, y], color=shade, linewidth=2.5)
        panel.surface.text(x + 11, y, label, size=SMALL, color=look.ink, va="center_baseline")
    panel.foot(whole_ticks(across.low, across.high, most=6))
