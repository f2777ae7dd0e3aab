"""How much of a metric's variance each hyper-parameter explains, and in which direction it acts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.panel import (
    FOOT,
    TITLE_ROOM,
    Panel,
    key,
)
from metasweep.report.figures.drawing.scales import Scale
from metasweep.report.figures.drawing.style import (
    BODY,
    MARGIN,
    SMALL,
    THEMES,
    WIDTH,
    heading_height,
    house_style,
    sheet,
)

ROW = 25.0
LABEL_WIDTH = 150.0
VALUE_ROOM = 76.0
CORRELATION_SHARE = 0.3


@house_style
def importance(
    table: pd.DataFrame,
    *,
    title: str = "Importance of the hyper-parameters",
    subtitle: str = "Share of the variance of test accuracy that each explains",
    theme: str = "light",
) -> Figure:
    """Draw bars for the parameters, the most important first, with the correlation beside them.

    table: one row per parameter (index: its name, or a pair "lr × optimizer"). Columns: `main` (share of the
    variance, 0 to 1) and, if known, `total` (with interactions), `low` and `high` (the interval of `main`, or
    of `total` if there is no `main`), `correlation` (-1 to 1). NaN is left out. Raises ValueError for an
    empty table.
    """
    if table.empty:
        raise ValueError("importance needs at least one parameter")
    look = THEMES[theme]
    table = table.reindex(columns=["main", "total", "low", "high", "correlation"])
    table = table.iloc[np.argsort(-table[["main", "total"]].max(axis=1).to_numpy(), kind="stable")]
    depth = len(table) * ROW
    above = heading_height(title, subtitle, WIDTH) + 26 + TITLE_ROOM
    figure, surface = sheet(WIDTH, above + depth + FOOT + MARGIN, title, subtitle, look)
    names = [text.fit(text.clean(str(name)), LABEL_WIDTH, BODY) for name in table.index]
    left = MARGIN + max(text.width(name, BODY) for name in names) + 12
    room = WIDTH - MARGIN - left
    correlated = bool(table["correlation"].notna().any())
    width = room * (1 - CORRELATION_SHARE) - 30 if correlated else room
    bars = Panel(surface, look, left, MARGIN + FOOT, width - VALUE_ROOM, depth)
    for at, name in enumerate(names):
        y = float(bars.y(_middle(at, len(names))))
        surface.text(left - 12, y, name, size=BODY, color=look.ink, ha="right", va="center_baseline")
    entries = [("alone", look.test, "-")] if table["main"].notna().any() else []
    entries += [("with interactions", look.chance, "-")] if table["total"].notna().any() else []
    entries += [("interval", look.ink, "-")] if table["low"].notna().any() else []
    key(surface, entries, MARGIN, MARGIN + FOOT + depth + TITLE_ROOM + 14, look)
    _bars(bars, table)
    if correlated:
        side = room * CORRELATION_SHARE
        _correlations(Panel(surface, look, WIDTH - MARGIN - side, MARGIN + FOOT, side, depth), table)
    return figure


def _middle(at: int, rows: int) -> float:
    return 1 - (at + 0.5) / rows


def _bars(panel: Panel, table: pd.DataFrame) -> None:
    look, rows = panel.look, len(table)
    columns = table[["main", "total", "low", "high"]].to_numpy(dtype=np.float64)
    reach = float(np.nanmax(columns, initial=0.0))
    scale = Scale(0.0, max(reach, 0.01), as_percent=True)
    panel.foot(scale.ticks(46 / panel.width), lines=True)
    for at, (main, total, low, high) in enumerate(columns):
        middle = _middle(at, rows)
        for value, colour in ((total, to_rgba(look.chance, 0.8)), (main, to_rgba(look.test))):
            if np.isfinite(value):
                _box(panel, (0.0, float(scale.forward(value))), middle, 0.3 / rows, colour)
        if np.isfinite(low) and np.isfinite(high):
            ends = panel.points(scale.forward([low, high]), [middle, middle])
            panel.surface.plot(*ends.T, color=look.background, linewidth=4, solid_capstyle="butt", zorder=4)
            panel.surface.plot(*ends.T, color=look.ink, linewidth=1.6, solid_capstyle="butt", zorder=5)
        known = [max(0.0, share) for share in (main, total) if np.isfinite(share)]
        if known:  # shuffling noise may improve a forest a little; a share cannot be negative
            furthest = float(np.nanmax([*known, high]))
            x, y = float(panel.x(scale.forward(furthest))), float(panel.y(middle))
            words = " · ".join(f"{100 * share:.1f}{text.THIN_SPACE}%" for share in known)
            panel.surface.text(x + 6, y, words, size=SMALL, color=look.muted, va="center_baseline")
    panel.surface.plot(*panel.points([0, 0], [0, 1]).T, color=look.axis, linewidth=0.9)


def _correlations(panel: Panel, table: pd.DataFrame) -> None:
    look, rows = panel.look, len(table)
    panel.title("Correlation")
    scale = Scale(-1.0, 1.0)
    panel.foot([(0.0, "−1"), (0.5, "0"), (1.0, "1")], lines=True)
    for at, value in enumerate(table["correlation"]):
        if np.isfinite(value):
            ends = panel.points(scale.forward([0.0, value]), [_middle(at, rows)] * 2)
            panel.surface.plot(*ends.T, color=look.train, linewidth=2)
            panel.surface.plot(*ends[1:].T, "o", color=look.train, markersize=5.5)
    panel.surface.plot(*panel.points([0.5, 0.5], [0, 1]).T, color=look.axis, linewidth=0.9, zorder=1)


def _box(
    panel: Panel, span: tuple[float, float], middle: float, half: float, colour: tuple[float, ...]
) -> None:
    (left, right), (low, high) = panel.x(span), panel.y((middle - half, middle + half))
    corners = [[(left, low), (right, low), (right, high), (left, high)]]
    panel.surface.add_collection(PolyCollection(corners, facecolors=[colour], edgecolors="none", zorder=2))
