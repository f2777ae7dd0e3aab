"""Validation against test: how well the metric of the choice agrees with the reported one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.panel import FOOT, TITLE_ROOM, Panel
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
from metasweep.report.figures.parallel import VECTOR_LINES
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import TEST_ACCURACY, VALIDATION_ACCURACY

Array = npt.NDArray[np.float64]
SIDE = 290.0
TICK_ROOM = 44.0
BINS = 31


@house_style
def agreement(
    runs: pd.DataFrame,
    *,
    chosen_by: Quantity = VALIDATION_ACCURACY,
    reported: Quantity = TEST_ACCURACY,
    at_chance: int = 0,
    title: str = "Validation against test",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw every run as a point on two equal scales with the diagonal of equal values, and the differences.

    at_chance: the number of runs left out. A difference is the reported value minus the one chosen by. Raises
    ValueError if no run has both values.
    """
    pairs = (
        runs[[chosen_by.column, reported.column]]
        .apply(pd.to_numeric, errors="coerce")
        .to_numpy(dtype=np.float64)
    )
    shown = pairs[np.isfinite(pairs).all(axis=1)]
    if not len(shown):
        raise ValueError("no run has both values")
    look = THEMES[theme]
    if subtitle is None:
        subtitle = text.quantity(len(shown), "run") + (f", {at_chance} more at chance" if at_chance else "")
    above = heading_height(title, subtitle, WIDTH) + TITLE_ROOM + 4
    bottom = MARGIN + FOOT + SMALL + 4
    figure, surface = sheet(WIDTH, above + SIDE + bottom, title, subtitle, look)
    left = Panel(surface, look, MARGIN + TICK_ROOM, bottom, SIDE, SIDE)
    start = MARGIN + TICK_ROOM + SIDE + 70
    right = Panel(surface, look, start, bottom, WIDTH - MARGIN - start, SIDE)
    _scatter(left, shown, reported.is_accuracy)
    left.title(f"{reported.title}, line: equal")
    left.caption(chosen_by.title)
    _differences(right, shown[:, 1] - shown[:, 0], reported.is_accuracy)
    right.title(
        "Test − validation" if reported.split == "test" and chosen_by.split == "val" else "Difference"
    )
    return figure


def _scatter(panel: Panel, pairs: Array, accuracy: bool) -> None:
    look = panel.look
    scale = accuracy_scale(pairs) if accuracy else number_scale(pairs)
    ticks = scale.ticks(38 / SIDE)
    panel.grid(ticks)
    panel.foot(ticks, lines=True)
    panel.surface.plot(*panel.points([0, 1], [0, 1]).T, color=look.muted, linewidth=0.9)
    pairs = pairs[np.argsort(pairs[:, 1], kind="stable")]
    panel.surface.scatter(
        panel.x(scale.forward(pairs[:, 0])),
        panel.y(scale.forward(pairs[:, 1])),
        s=float(np.clip(400 / np.sqrt(len(pairs)), 6, 30)),
        c=look.ramp(scale.forward(pairs[:, 1])),
        alpha=0.8,
        edgecolors=[to_rgba(look.background)],
        linewidths=0.4,
        zorder=3,
        rasterized=len(pairs) > VECTOR_LINES,
    )


def _differences(panel: Panel, differences: Array, accuracy: bool) -> None:
    """A histogram of the differences (of accuracies in percentage points) with their mean."""
    look, shown = panel.look, differences * (100 if accuracy else 1)
    reach = max(float(np.abs(shown).max()), 1e-9) * 1.05
    counts, edges = np.histogram(shown, bins=BINS, range=(-reach, reach))
    across, up = Scale(-reach, reach), Scale(0.0, float(counts.max()) * 1.1)
    panel.grid([(float(up.forward(n)), text.number(n, 9)) for n in _whole(int(counts.max()))])
    panel.foot(across.ticks(40 / panel.width))
    panel.base()
    xs, tops = panel.x(across.forward(edges)), panel.y(up.forward(counts))
    corners = [
        [(low + 0.5, panel.bottom), (high - 0.5, panel.bottom), (high - 0.5, top), (low + 0.5, top)]
        for low, high, top in zip(xs[:-1], xs[1:], tops, strict=True)
    ]
    panel.surface.add_collection(PolyCollection(corners, facecolors=look.test, edgecolors="none", zorder=2))
    zero, mean = panel.points([0.5, 0.5], [0, 1]), float(shown.mean())
    panel.surface.plot(*zero.T, color=look.muted, linewidth=0.9, zorder=3)
    at = panel.points(across.forward([mean, mean]), [0, 1])
    panel.surface.plot(*at.T, color=look.train, linewidth=1.4, dashes=(4, 3), zorder=4)
    unit = "percentage points" if accuracy else "difference"
    panel.caption(f"{unit}, dashed: mean {text.number(mean, 2)}")


def _whole(most: int) -> list[int]:
    return sorted(
        {int(value) for value in MaxNLocator(5, integer=True).tick_values(0, most) if value <= most}
    )
