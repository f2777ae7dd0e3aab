"""The look of all figures: fonts, sizes, two themes, and the frame with its heading.

Figures are measured in points (1/72 inch) and are 720 points wide, so 9-point text is 11 pixels high in a
README column of 900 pixels. The fonts are in this folder, so that text looks the same on every machine.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib import font_manager, style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text

WIDTH = 720.0  # points
MARGIN = 14.0
SMALL, BODY, LABEL, TITLE = 8.0, 9.0, 10.0, 13.5  # font sizes, points

for _font in sorted((Path(__file__).parent / "fonts").glob("*.otf")):
    font_manager.fontManager.addfont(_font)

RC: dict[str, Any] = {
    "font.family": list(text.REGULAR),
    "font.size": BODY,
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "path.simplify": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "metasweep",
    "savefig.dpi": 160,
}

P = ParamSpec("P")


@dataclass(frozen=True)
class Theme:
    """The colours of one theme. `ramp` goes from the worst (0) to the best (1), away from the background."""

    name: str
    background: str
    ink: str
    bar: str  # the slots of a parallel-coordinates axis
    muted: str
    axis: str
    grid: str
    chance: str
    test: str
    train: str
    ramp: LinearSegmentedColormap

    def shades(self, count: int) -> list[tuple[float, ...]]:
        """Colours for `count` ordered series, evenly spaced on the ramp, never too near the background."""
        return [tuple(self.ramp(value)) for value in np.linspace(0.08, 1, max(count, 2))[-count:]]


def _viridis(worst: float, best: float) -> LinearSegmentedColormap:
    colours = mpl.colormaps["viridis"](np.linspace(worst, best, 256))
    return LinearSegmentedColormap.from_list("quality", colours)


LIGHT = Theme(
    name="light",
    background="#ffffff",
    ink="#1f2328",
    bar="#2b3138",
    muted="#59636e",
    axis="#c4cbd3",
    grid="#e6e9ed",
    chance="#b3bac3",
    test="#463480",
    train="#c97c14",
    ramp=_viridis(0.93, 0.0),
)
DARK = Theme(
    name="dark",
    background="#0d1117",
    ink="#e6edf3",
    bar="#c3cad2",
    muted="#9198a1",
    axis="#3d444d",
    grid="#22272e",
    chance="#4c545e",
    test="#b7a5f0",
    train="#dfa04a",
    ramp=_viridis(0.2, 1.0),
)
THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


def house_style(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw with the settings of this file, whatever the user's matplotlibrc says."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style.context(["default", RC]):
            return draw(*args, **kwargs)

    return styled


def sheet(width: float, height: float, title: str, subtitle: str, theme: Theme) -> tuple[Figure, Axes]:
    """Return a figure of width x height points with its heading, and a canvas over all of it."""
    figure = new_figure(width, height, theme)
    heading(figure, title, subtitle, theme)
    return figure, canvas(figure)


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """Return an empty figure of width x height points, independent of pyplot and of any window."""
    figure = Figure(figsize=(width / 72, height / 72), facecolor=theme.background)
    FigureCanvasAgg(figure)
    return figure


def canvas(figure: Figure) -> Axes:
    """Return bare axes over the whole figure. Their data coordinates are points from the lower left."""
    axes = figure.add_axes((0, 0, 1, 1))
    width, height = figure.get_size_inches() * 72
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return axes


def heading_height(title: str, subtitle: str, width: float) -> float:
    """Points that `heading` takes from the top of a figure of this width."""
    lines = text.wrap(title, width - 2 * MARGIN, TITLE, bold=True, most=2)
    below = text.wrap(subtitle, width - 2 * MARGIN, BODY, most=2)
    return MARGIN + len(lines) * TITLE * 1.25 + len(below) * BODY * 1.4 + (6 if lines or below else 0)


def heading(figure: Figure, title: str, subtitle: str, theme: Theme) -> float:
    """Write title and subtitle at the top left, wrapped to the figure; returns the points they take."""
    width, height = figure.get_size_inches() * 72
    top = height - MARGIN
    for line in text.wrap(title, width - 2 * MARGIN, TITLE, bold=True, most=2):
        write(figure, MARGIN, top, line, size=TITLE, colour=theme.ink, bold=True)
        top -= TITLE * 1.25
    top -= 2
    for line in text.wrap(subtitle, width - 2 * MARGIN, BODY, most=2):
        write(figure, MARGIN, top, line, size=BODY, colour=theme.muted)
        top -= BODY * 1.4
    return heading_height(title, subtitle, width)


def write(
    figure: Figure, x: float, top: float, line: str, *, size: float, colour: str, bold: bool = False
) -> None:
    """One line of text whose upper left corner is at (x, top), in points."""
    width, height = figure.get_size_inches() * 72
    family = list(text.SEMIBOLD if bold else text.REGULAR)
    figure.text(x / width, top / height, line, size=size, color=colour, family=family, va="top")
