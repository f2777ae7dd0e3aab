"""Sample images of every class of the data set."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.style import (
    BODY,
    MARGIN,
    THEMES,
    WIDTH,
    heading_height,
    house_style,
    sheet,
)

SIDE = 38.0
BETWEEN = 4.0


@house_style
def samples(
    images: Mapping[str, npt.ArrayLike],
    *,
    title: str = "Sample images",
    subtitle: str = "",
    theme: str = "light",
) -> Figure:
    """Draw one column per class, with its images below each other.

    images: class name -> images of shape (k, height, width) in grey or (k, height, width, 3) in colour.
    Integers range from 0 to 255, fractions from 0 to 1. Raises ValueError if there is no image.
    """
    stacks = {name: _as_fractions(np.asarray(stack)) for name, stack in images.items()}
    deepest = max((len(stack) for stack in stacks.values()), default=0)
    if not deepest:
        raise ValueError("there are no images to draw")
    look = THEMES[theme]
    columns = min(len(stacks), int((WIDTH - 2 * MARGIN + BETWEEN) // (SIDE + BETWEEN)))
    pitch = (WIDTH - 2 * MARGIN + BETWEEN) / max(columns, 10)
    side = pitch - BETWEEN
    rows = -(-len(stacks) // columns)
    block = BODY + 8 + deepest * pitch + 8
    above = heading_height(title, subtitle, WIDTH) + 6
    height = above + rows * block + MARGIN - 8
    figure, surface = sheet(WIDTH, height, title, subtitle, look)
    for index, (name, stack) in enumerate(stacks.items()):
        left = MARGIN + (index % columns) * pitch
        top = height - above - (index // columns) * block - BODY - 8
        label = text.fit(text.clean(name), side, BODY)
        surface.text(left + side / 2, top + 6, label, size=BODY, color=look.ink, ha="center")
        for row, image in enumerate(stack):
            low = top - (row + 1) * pitch + BETWEEN
            surface.imshow(
                image,
                cmap="gray_r" if look.name == "light" else "gray",
                vmin=0,
                vmax=1,
                extent=(left, left + side, low, low + side),
                interpolation="nearest",
                aspect="auto",
            )
    surface.set(xlim=(0, WIDTH), ylim=(0, height))
    return figure


def _as_fractions(stack: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    whole = np.issubdtype(stack.dtype, np.integer)
    return np.clip(stack.astype(np.float64) / (255 if whole else 1), 0.0, 1.0)
