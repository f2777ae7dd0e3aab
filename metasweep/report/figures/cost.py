"""What the search cost, and what the compute time bought."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.axes import metric_axes, ranks
from metasweep.report.figures.drawing.panel import FOOT, TITLE_ROOM, Panel
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
from metasweep.report.figures.effects import level_chance
from metasweep.report.figures.parallel import VECTOR_LINES
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import VALIDATION_ACCURACY

Array = npt.NDArray[np.float64]
HEIGHT = 190.0
STATES_WIDTH = 190.0


@house_style
def cost(
    runs: pd.DataFrame,
    *,
    metric: Quantity = VALIDATION_ACCURACY,
    chance: float | None = None,
    title: str = "Cost of the search",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw every run's metric over the compute time so far, with the best so far; and the time by state.

    runs: `created_at`, `runtime_seconds`, `state` and the metric. Compute time is the sum of the runs' own
    times, even if they ran at once. Raises ValueError if no run has a runtime.
    """
    runs = runs[runs["runtime_seconds"] > 0].sort_values(["created_at", "run_id"], kind="stable")
    if runs.empty:
        raise ValueError("no run has a runtime")
    look = THEMES[theme]
    seconds = runs["runtime_seconds"].to_numpy(dtype=np.float64)
    unit, name = time_unit(float(seconds.sum()))
    if subtitle is None:
        amount = f"{text.number(seconds.sum() / unit, 3)} {name}"
        subtitle = f"{text.quantity(len(runs), 'run')}, {amount} of compute time"
    above = heading_height(title, subtitle, WIDTH) + 8 + TITLE_ROOM
    figure, surface = sheet(WIDTH, above + HEIGHT + FOOT + SMALL + MARGIN + 4, title, subtitle, look)
    bottom = MARGIN + FOOT + SMALL + 4
    progress = Panel(surface, look, MARGIN + 46, bottom, WIDTH - 2 * MARGIN - 46 - STATES_WIDTH - 36, HEIGHT)
    states = Panel(surface, look, WIDTH - MARGIN - STATES_WIDTH, bottom, STATES_WIDTH - 70, HEIGHT)
    _progress(progress, runs, np.cumsum(seconds) / unit, metric, chance)
    progress.caption(f"Compute time, {name}")
    _states(states, runs.groupby("state")["runtime_seconds"].agg(["sum", "size"]), unit, name)
    return figure


def time_unit(seconds: float) -> tuple[float, str]:
    """Return (its seconds, its name) for the unit in which a duration reads best."""
    units = ((86_400.0 * 3, 86_400.0, "days"), (5_400.0, 3_600.0, "hours"), (90.0, 60.0, "minutes"))
    return next(((unit, name) for least, unit, name in units if seconds >= least), (1.0, "seconds"))


def best_so_far(values: Array, lower_is_better: bool = False) -> Array:
    """Return the running maximum (or minimum).

    NaN values change nothing; before the first value it is NaN.
    """
    return np.fmin.accumulate(values) if lower_is_better else np.fmax.accumulate(values)


def _progress(panel: Panel, runs: pd.DataFrame, spent: Array, metric: Quantity, chance: float | None) -> None:
    look = panel.look
    panel.title(f"{metric.title} of every run, and the best so far")
    values = pd.to_numeric(runs[metric.column], errors="coerce").to_numpy(dtype=np.float64)
    axis = level_chance(metric_axes(runs, [metric], ranks(values), chance)[0])
    panel.grid([*axis.ticks(20 / HEIGHT), *((slot.middle, slot.label) for slot in axis.slots)])
    across = Scale(0.0, float(spent[-1]))
    panel.foot(across.ticks(50 / panel.width))
    panel.base()
    lost = axis.heights < axis.floor
    colours = np.where(lost[:, None], _flat(look.chance), look.ramp(axis.heights))
    panel.surface.scatter(
        panel.x(across.forward(spent)),
        panel.y(axis.heights),
        s=9,
        c=colours,
        linewidths=0,
        zorder=2,
        rasterized=len(runs) > VECTOR_LINES,
    )
    best = best_so_far(np.where(lost, np.nan, values), not metric.maximize)
    assert axis.scale is not None
    heights = axis.floor + (1 - axis.floor) * axis.scale.forward(best)
    panel.surface.step(
        *panel.points(across.forward(spent), heights).T, where="post", color=look.ink, linewidth=1.4
    )


def _states(panel: Panel, states: pd.DataFrame, unit: float, name: str) -> None:
    look = panel.look
    states = states.sort_values("sum", ascending=False, kind="stable")
    panel.title("By state")
    row = min(46.0, panel.height / len(states))
    longest = float(states["sum"].max())
    for at, (state, (seconds, count)) in enumerate(zip(states.index, states.to_numpy(), strict=True)):
        top = panel.bottom + panel.height - at * row
        left, right = panel.left, panel.left + panel.width * seconds / longest
        corners = [[(left, top - 27), (right, top - 27), (right, top - 17), (left, top - 17)]]
        colour = look.test if state == "finished" else look.chance
        panel.surface.add_collection(PolyCollection(corners, facecolors=colour, edgecolors="none"))
        words = f"{text.clean(str(state))}, {text.quantity(int(count), 'run')}"
        panel.surface.text(left, top - 12, words, size=BODY, color=look.ink)
        amount = f"{text.number(seconds / unit, 2)} {name}"
        panel.surface.text(right + 5, top - 22, amount, size=SMALL, color=look.muted, va="center_baseline")


def _flat(colour: str) -> Array:
    return np.array(to_rgba(colour))
