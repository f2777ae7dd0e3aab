"""How many images of each class the parts of the data set have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from metasweep.report.figures.drawing import text
from metasweep.report.figures.drawing.style import (
    BODY,
    LABEL,
    MARGIN,
    SMALL,
    THEMES,
    WIDTH,
    Theme,
    heading_height,
    house_style,
    sheet,
)

PARTS = {"train": "Training", "val": "Validation", "test": "Test"}
PANEL_HEIGHT = 132.0
BETWEEN = 26.0


@house_style
def class_histograms(
    counts: Mapping[str, Sequence[int]],
    class_names: Sequence[str] = (),
    *,
    title: str = "Classes of the data set",
    subtitle: str | None = None,
    theme: str = "light",
) -> Figure:
    """Draw one panel per part of the data set (train, val, test, …), with one bar per class.

    counts: part -> images per class; parts may have different numbers of classes. class_names: 0, 1, … if
    absent. Every panel has its own scale. Raises ValueError if no part has a class.
    """
    parts = {part: np.asarray(values, dtype=np.int64) for part, values in counts.items() if len(values)}
    if not parts:
        raise ValueError("class histograms need at least one part of a data set with at least one class")
    look = THEMES[theme]
    classes = max(map(len, parts.values()))
    names = [text.clean(str(name)) for name in class_names] + [
        str(i) for i in range(len(class_names), classes)
    ]
    if subtitle is None:
        subtitle = "Images of each class · highlighted: the largest class of each part"
    columns = len(parts) if classes <= 12 else 1
    rows = -(-len(parts) // columns)
    above = heading_height(title, subtitle, WIDTH) + 10
    panel = (WIDTH - 2 * MARGIN - (columns - 1) * BETWEEN) / columns
    slant = max(text.width(name, SMALL) for name in names) > panel / classes - 3
    below = _label_depth(names, slant)
    height = above + rows * (PANEL_HEIGHT + LABEL + 6 + below) + (rows - 1) * 8 + MARGIN
    figure, surface = sheet(WIDTH, height, title, subtitle, look)
    for index, (part, values) in enumerate(parts.items()):
        left = MARGIN + (index % columns) * (panel + BETWEEN)
        top = height - above - (index // columns) * (PANEL_HEIGHT + LABEL + 14 + below)
        _panel(surface, part, values, names, (left, top, panel), look, slant)
    return figure


def _label_depth(names: Sequence[str], slant: bool) -> float:
    if not slant:
        return SMALL + 8
    longest = max(text.width(text.fit(name, 80, SMALL), SMALL) for name in names)
    return longest + 10


def _panel(
    surface: Axes,
    part: str,
    values: np.ndarray,
    names: Sequence[str],
    frame: tuple[float, float, float],
    look: Theme,
    slant: bool,
) -> None:
    left, top, width = frame
    title = PARTS.get(part, text.clean(part))
    surface.text(left, top - LABEL, title, size=LABEL, color=look.ink, family=list(text.SEMIBOLD))
    total = f"{text.quantity(int(values.sum()), 'image')}"
    surface.text(left + width, top - LABEL, total, size=BODY, color=look.muted, ha="right")
    foot, room = top - LABEL - 6 - PANEL_HEIGHT, PANEL_HEIGHT - SMALL - 8
    pitch = width / len(values)
    scale = room / max(int(values.max()), 1)
    centres = left + (np.arange(len(values)) + 0.5) * pitch
    half = pitch * 0.39
    corners = [
        [(x - half, foot), (x + half, foot), (x + half, foot + n * scale), (x - half, foot + n * scale)]
        for x, n in zip(centres, values, strict=True)
    ]
    shades = [to_rgba(look.test, 1.0 if n == values.max() else 0.62) for n in values]
    surface.add_collection(PolyCollection(corners, facecolors=shades, edgecolors="none"))
    surface.plot([left, left + width], [foot, foot], color=look.axis, linewidth=0.9)
    _labels(surface, values, names, centres, foot, scale, pitch, look, slant)


def _labels(
    surface: Axes,
    values: np.ndarray,
    names: Sequence[str],
    centres: np.ndarray,
    foot: float,
    scale: float,
    pitch: float,
    look: Theme,
    slant: bool,
) -> None:
    size = min(SMALL, 0.92 * SMALL * pitch / max(text.width(text.number(int(n), 12), SMALL) for n in values))
    step = max(1, int(np.ceil((SMALL + 3) / pitch))) if slant else 1
    for index, (x, count) in enumerate(zip(centres, values, strict=True)):
        if size >= 5:
            surface.text(
                x,
                foot + count * scale + 3,
                text.number(int(count), 12),
                size=size,
                color=look.muted,
                ha="center",
            )
        if index % step:
            continue
        name = text.fit(names[index], 80 if slant else pitch - 2, SMALL)
        turned = {"rotation": 90, "va": "top"} if slant else {"va": "top"}
        surface.text(x, foot - 4, name, size=SMALL, color=look.ink, ha="center", **turned)
