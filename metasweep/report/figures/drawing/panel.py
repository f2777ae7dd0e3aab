"""One panel of a chart on the canvas: a frame, sized in points, with grid, tick labels and title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.style import (
    BODY,
    LABEL,
    SMALL,
    Theme,
)

Array = npt.NDArray[np.float64]
Ticks = Sequence[tuple[float, str]]
FOOT = SMALL + 10.0  # room of the tick labels below a panel
TITLE_ROOM = LABEL + 10.0  # room of its title above


@dataclass(frozen=True)
class Panel:
    """A frame on the canvas. Positions inside are fractions of its sides; (0, 0) is the lower left corner."""

    surface: Axes
    look: Theme
    left: float
    bottom: float
    width: float
    height: float

    def x(self, positions: npt.ArrayLike) -> Array:
        """Convert fractions of the width to points."""
        return self.left + self.width * np.asarray(positions, dtype=np.float64)

    def y(self, positions: npt.ArrayLike) -> Array:
        """Convert fractions of the height to points."""
        return self.bottom + self.height * np.asarray(positions, dtype=np.float64)

    def points(self, xs: npt.ArrayLike, ys: npt.ArrayLike) -> Array:
        """Points of a line, shape (n, 2), on the canvas."""
        return np.column_stack([self.x(xs), self.y(ys)])

    def title(self, words: str, below: str = "") -> None:
        """A title above the frame; smaller words under it."""
        y = self.bottom + self.height + (21 if below else 9)
        line = text.fit(text.clean(words), self.width, LABEL, bold=True)
        self.surface.text(self.left, y, line, size=LABEL, color=self.look.ink, family=list(text.SEMIBOLD))
        if below:
            line = text.fit(text.clean(below), self.width, SMALL)
            self.surface.text(self.left, y - 12, line, size=SMALL, color=self.look.muted)

    def window(self, margin: float = 0.0) -> Rectangle:
        """Return the frame, widened by a margin, to clip lines that leave it."""
        corner = (self.left - margin, self.bottom - margin)
        sides = (self.width + 2 * margin, self.height + 2 * margin)
        return Rectangle(corner, *sides, transform=self.surface.transData)

    def grid(self, ticks: Ticks, labels: bool = True) -> None:
        """Faint horizontal lines at the ticks, their labels to the left of the frame."""
        lines = [self.points([0, 1], [at, at]) for at, _ in ticks]
        self.surface.add_collection(LineCollection(lines, colors=self.look.grid, linewidths=0.8, zorder=0))
        for at, label in ticks if labels else ():
            self.surface.text(
                self.left - 6,
                float(self.y(at)),
                label,
                size=SMALL,
                color=self.look.muted,
                ha="right",
                va="center_baseline",
            )

    def foot(self, ticks: Ticks, lines: bool = False, ink: str = "") -> None:
        """Draw labels below the frame, upright if asked.

        A label that would touch the one before is left out.
        """
        where = [float(self.x(at)) for at, _ in ticks]
        halves = [text.width(label, SMALL) / 2 + 3 for _, label in ticks]
        hidden = text.overlapping((x - half, x + half) for x, half in zip(where, halves, strict=True))
        for x, (_, label), hide in zip(where, ticks, hidden, strict=True):
            if not hide:
                self.surface.text(
                    x, self.bottom - 6, label, size=SMALL, color=ink or self.look.muted, ha="center", va="top"
                )
        if lines:
            upright = [self.points([at, at], [0, 1]) for at, _ in ticks]
            self.surface.add_collection(
                LineCollection(upright, colors=self.look.grid, linewidths=0.8, zorder=0)
            )

    def base(self) -> None:
        """The line at the panel's bottom."""
        line = [self.points([0, 1], [0, 0])]
        self.surface.add_collection(LineCollection(line, colors=self.look.axis, linewidths=0.9, zorder=1))

    def caption(self, words: str) -> None:
        """Write what the x axis shows, centered below its tick labels."""
        self.surface.text(
            self.left + self.width / 2,
            self.bottom - FOOT - 3,
            words,
            size=SMALL,
            color=self.look.muted,
            ha="center",
            va="top",
        )


def whole_ticks(low: float, high: float, most: int = 8) -> Ticks:
    """Ticks at whole numbers between low and high, as parts of that range."""
    if high <= low:
        return [(0.5, text.number(low))]
    values = [float(value) for value in MaxNLocator(most, integer=True).tick_values(low, high)]
    return [((value - low) / (high - low), text.number(value, 9)) for value in values if low <= value <= high]


def key(surface: Axes, entries: Sequence[tuple[str, str, str]], x: float, y: float, look: Theme) -> None:
    """Draw a legend in one line from (x, y): (label, colour, linestyle); "o" is a dot instead of a line."""
    for label, colour, line in entries:
        sample = 8.0 if line == "o" else 16.0
        if line == "o":
            surface.plot([x + 4], [y + 3], "o", color=colour, markersize=4)
        else:
            surface.plot([x, x + sample], [y + 3, y + 3], color=colour, linewidth=1.8, linestyle=line)
        surface.text(x + sample + 5, y, label, size=BODY, color=look.muted, va="baseline")
        x += sample + 5 + text.width(label, BODY) + 18
