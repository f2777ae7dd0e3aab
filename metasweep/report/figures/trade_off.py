"""Two objectives against each other: every configuration, and the Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.figure import Figure

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
from metasweep.report.read.quantities import Quantity

HEIGHT = 300.0
TICK_ROOM = 50.0


@house_style
def trade_off(
    points: Sequence[tuple[float, float]],
    front: Sequence[tuple[float, float]],
    *,
    across: Quantity,
    up: Quantity,
    title: str = "",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw configurations as points and the front as steps. The better ends are at the right and the top.

    points, front: (across, up) of every configuration. Raises ValueError without points.
    """
    known = np.array([point for point in points if np.isfinite(point).all()], dtype=np.float64).reshape(-1, 2)
    if not len(known):
        raise ValueError("a trade-off needs at least one configuration with both values")
    look = THEMES[theme]
    if subtitle is None:
        subtitle = (
            f"{text.quantity(len(known), 'configuration')}, {len(front)} of them beaten by none in both"
        )
    above = heading_height(title, subtitle, WIDTH) + TITLE_ROOM + 4
    bottom = MARGIN + FOOT + SMALL + 4
    figure, surface = sheet(WIDTH, above + HEIGHT + bottom, title, subtitle, look)
    panel = Panel(surface, look, MARGIN + TICK_ROOM, bottom, WIDTH - 2 * MARGIN - TICK_ROOM - 20, HEIGHT)
    scales = [_scale(metric, known[:, at]) for at, metric in enumerate((across, up))]
    panel.grid(scales[1].ticks(38 / HEIGHT))
    panel.foot(scales[0].ticks(60 / panel.width), lines=True)
    panel.title(up.title)
    panel.caption(across.title)
    best = np.array(sorted(front), dtype=np.float64).reshape(-1, 2)
    for values, colour, size in ((known, look.chance, 22), (best, look.test, 40)):
        xs, ys = (scale.forward(values[:, at]) for at, scale in enumerate(scales))
        surface.scatter(panel.x(xs), panel.y(ys), s=size, c=[colour], linewidths=0, zorder=3)
    xs, ys = (scale.forward(best[:, at]) for at, scale in enumerate(scales))
    side: Literal["pre", "post"] = "pre" if across.maximize else "post"
    surface.step(*panel.points(xs, ys).T, where=side, color=look.test, linewidth=1.4, zorder=2)
    return figure


def _scale(metric: Quantity, values: np.ndarray) -> Scale:
    return accuracy_scale(values) if metric.is_accuracy else number_scale(values, flip=not metric.maximize)
