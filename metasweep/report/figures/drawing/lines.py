"""The lines of a parallel-coordinates chart: as vectors, or very many of them as one picture.

Lengths are in points (1/72 inch).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.path import Path

from metasweep.report.figures.drawing.style import RC, Theme, canvas

Array = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]
STEP = 5  # of colour and cover: nobody sees it, and the files are smaller; it divides 255


@dataclass(frozen=True)
class Pen:
    """What all lines of a chart are drawn with."""

    alpha: float
    width: float


@dataclass(frozen=True)
class Blend:
    """Lines on top of each other, before a theme gives them colours.

    Shapes [height, width], from 0 to 255.
    """

    cover: Pixels  # how much of the pixel is painted
    coloured: Pixels  # the share of coloured lines in it; the rest is grey
    shade: Pixels  # the mean place of the coloured ones on the ramp


def curves(xs: Array, ys: Array) -> list[Path]:
    """Return a path of cubic curves through each row of points, horizontal at each; control points at half
    the gap, no overshoot.

    xs: shape [axes], ys: shape [runs, axes].
    """
    gaps = len(xs) - 1
    points = np.empty((len(ys), 3 * gaps + 1, 2))
    points[:, 0::3, 0], points[:, 0::3, 1] = xs, ys
    points[:, 1::3, 0] = points[:, 2::3, 0] = (xs[:-1] + xs[1:]) / 2
    points[:, 1::3, 1], points[:, 2::3, 1] = ys[:, :-1], ys[:, 1:]
    codes = np.full(3 * gaps + 1, Path.CURVE4, dtype=Path.code_type)
    codes[0] = Path.MOVETO
    return [Path(each, codes) for each in points]


def lines(xs: Array, ys: Array, colours: Array, pen: Pen) -> PathCollection:
    """Return the curves in these colours, shape [runs, 4], the last one on top."""
    return PathCollection(
        curves(xs, ys),
        facecolors="none",
        edgecolors=colours,
        linewidths=pen.width,
        alpha=pen.alpha,
        capstyle="butt",
        clip_on=False,
    )


def blended(xs: Array, ys: Array, shades: Array, pen: Pen, size: tuple[float, float]) -> Blend:
    """Return the curves on a sheet of this size (width, height). `shades` is NaN for grey ones.

    Ten thousand curves take a second, so both themes and all file formats share them.
    """
    return _blended(*(np.ascontiguousarray(part).tobytes() for part in (xs, ys, shades)), pen, size)


def show_blend(surface: Axes, blend: Blend, look: Theme) -> None:
    """Draw a blend over all of the surface: each pixel in the colour of its mean shade."""
    picture = np.asarray(look.ramp(blend.shade, bytes=True))
    mixed = blend.coloured < 255
    share = blend.coloured[mixed, None] / 255
    picture[mixed, :3] = share * picture[mixed, :3] + (1 - share) * 255 * np.asarray(to_rgb(look.chance))
    picture[..., 3] = blend.cover
    width, height = surface.get_xlim()[1], surface.get_ylim()[1]
    surface.imshow(picture, extent=(0, width, 0, height), aspect="auto", interpolation="none", zorder=1)


@functools.lru_cache(maxsize=1)
def _blended(xs: bytes, ys: bytes, shades: bytes, pen: Pen, size: tuple[float, float]) -> Blend:
    across, places = np.frombuffer(xs), np.frombuffer(shades)
    coloured = ~np.isnan(places)
    channels = np.column_stack([np.where(coloured, places, 0), coloured, coloured, coloured])
    figure = Figure(figsize=(size[0] / 72, size[1] / 72), dpi=RC["savefig.dpi"], facecolor="none")
    sheet = FigureCanvasAgg(figure)
    heights = np.frombuffer(ys).reshape(len(places), len(across))
    canvas(figure).add_collection(lines(across, heights, channels, pen), autolim=False)
    sheet.draw()
    red, green, _, alpha = np.moveaxis(np.asarray(sheet.buffer_rgba()), 2, 0)
    shade = red / np.maximum(green, 1)
    return Blend(*(coarse(channel) for channel in (alpha, green, np.minimum(255 * shade + 0.5, 255))))


def coarse(channel: npt.NDArray[Any]) -> Pixels:
    """Return values from 0 to 255 as multiples of `STEP`."""
    return (np.round(channel / STEP) * STEP).astype(np.uint8)
