"""A heat map: the mean of a metric at every pair of values of two hyper-parameters."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.panel import FOOT, Panel
from metasweep.report.figures.drawing.scales import accuracy_scale, number_scale
from metasweep.report.figures.drawing.style import (
    BODY,
    LABEL,
    MARGIN,
    SMALL,
    THEMES,
    WIDTH,
    heading_height,
    house_style,
    sheet,
)
from metasweep.report.figures.effects import grouped
from metasweep.report.measure.statistics import standard_deviation
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import TEST_ACCURACY

Array = npt.NDArray[np.float64]
CELL_HEIGHT = 46.0
LABEL_WIDTH = 110.0  # the most room of row labels


@house_style
def interaction(
    runs: pd.DataFrame,
    row: str,
    column: str,
    *,
    metric: Quantity = TEST_ACCURACY,
    levels: Mapping[str, Sequence[Hashable]] | None = None,
    title: str = "",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw cells coloured by the mean over their runs, with mean ± standard deviation and the number of runs.

    Accuracies are coloured on the nines scale. A cell without runs stays empty. Raises ValueError if no run
    has a value.
    """
    runs = runs[np.isfinite(pd.to_numeric(runs[metric.column], errors="coerce"))]
    if runs.empty:
        raise ValueError("a heat map needs at least one run with a value")
    look = THEMES[theme]
    rows, columns = (grouped(runs[name], (levels or {}).get(name)) for name in (row, column))
    means, deviations, counts = cells(runs[metric.column].to_numpy(dtype=np.float64), rows, columns)
    if subtitle is None:
        subtitle = f"Mean {metric.words} ± standard deviation over runs (n)"
    above = heading_height(title, subtitle, WIDTH) + 22
    depth = len(rows) * CELL_HEIGHT
    figure, surface = sheet(WIDTH, above + depth + FOOT + SMALL + 10 + MARGIN, title, subtitle, look)
    left = MARGIN + min(max(text.width(label, BODY) for label, _ in rows), LABEL_WIDTH) + 10
    bottom = MARGIN + FOOT + SMALL + 10
    panel = Panel(surface, look, left, bottom, WIDTH - MARGIN - left, depth)
    name = text.fit(text.parameter(row), WIDTH / 2, LABEL, bold=True)
    surface.text(MARGIN, bottom + depth + 10, name, size=LABEL, color=look.ink, family=list(text.SEMIBOLD))
    scale = accuracy_scale(means) if metric.is_accuracy else number_scale(means, not metric.maximize)
    _cells(panel, scale.forward(means), _words(means, deviations, counts, metric))
    share = 1 / len(columns)
    room = panel.width * share - 4
    shown = [((at + 0.5) * share, text.fit(label, room, BODY)) for at, (label, _) in enumerate(columns)]
    panel.foot(shown, ink=look.ink)
    panel.caption(text.fit(text.parameter(column), panel.width, SMALL))
    for at, (label, _) in enumerate(rows):
        y = bottom + depth - (at + 0.5) * CELL_HEIGHT
        label = text.fit(label, LABEL_WIDTH, BODY)
        surface.text(left - 10, y, label, size=BODY, color=look.ink, ha="right", va="center_baseline")
    return figure


def cells(
    values: Array,
    rows: Sequence[tuple[str, npt.NDArray[np.intp]]],
    columns: Sequence[tuple[str, npt.NDArray[np.intp]]],
) -> tuple[Array, Array, npt.NDArray[np.intp]]:
    """(mean, standard deviation with n-1, n) of the values in every cell: shape (rows, columns)."""
    shape = (len(rows), len(columns))
    means, deviations, counts = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.intp)
    for i, (_, in_row) in enumerate(rows):
        for j, (_, in_column) in enumerate(columns):
            found = values[np.intersect1d(in_row, in_column)]
            counts[i, j] = len(found)
            means[i, j] = found.mean() if len(found) else np.nan
            deviations[i, j] = standard_deviation(found)
    return means, deviations, counts


def _words(
    means: Array, deviations: Array, counts: npt.NDArray[np.intp], metric: Quantity
) -> list[list[tuple[str, str]]]:
    """Two lines per cell: the mean, and its spread with the number of runs."""
    return [
        [
            (
                metric.show(mean) + (text.THIN_SPACE + "%" if metric.is_accuracy else ""),
                (f"± {metric.show(spread)} " if np.isfinite(spread) else "") + f"({n})",
            )
            if n
            else ("", "no runs")
            for mean, spread, n in zip(*line, strict=True)
        ]
        for line in zip(means, deviations, counts, strict=True)
    ]


def _cells(panel: Panel, positions: Array, words: Sequence[Sequence[tuple[str, str]]]) -> None:
    look, (rows, columns) = panel.look, positions.shape
    for (i, j), position in np.ndenumerate(positions):
        low, high = panel.y([1 - (i + 1) / rows, 1 - i / rows]) + np.array([1.0, -1.0])
        left, right = panel.x([j / columns, (j + 1) / columns]) + np.array([1.0, -1.0])
        empty = np.isnan(position)
        colour = to_rgb(look.grid) if empty else look.ramp(float(position))[:3]
        corners = [[(left, low), (right, low), (right, high), (left, high)]]
        panel.surface.add_collection(PolyCollection(corners, facecolors=[colour], edgecolors="none"))
        ink = look.muted if empty else readable_on(colour)
        centre, middle = (left + right) / 2, (low + high) / 2
        large, small = words[i][j]
        size = min(
            LABEL, LABEL * (right - left - 4) / max(text.width(large, LABEL), text.width(small, SMALL), 1)
        )
        offset = 1.5 if large else -3
        panel.surface.text(
            centre, middle + 2, large, size=size, color=ink, ha="center", family=list(text.SEMIBOLD)
        )
        panel.surface.text(
            centre,
            middle - offset - 9 * size / LABEL,
            small,
            size=size * SMALL / LABEL,
            color=ink,
            ha="center",
        )


def readable_on(colour: Sequence[float]) -> str:
    """Return black or white, whichever has the higher contrast (WCAG 2 relative luminance)."""
    channels = np.asarray(colour[:3])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ np.array([0.2126, 0.7152, 0.0722]))
    return "#ffffff" if (1.05 / (luminance + 0.05)) > ((luminance + 0.05) / 0.05) else "#10151b"
