"""What every figure owes its reader: no label outside the picture, none over another."""

from __future__ import annotations

import itertools

from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

SLACK = 1.5  # points of a line's height that are empty above and below its letters


def label_boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    """(text, box in points) of all that is written in a figure."""
    figure.draw_without_rendering()
    scale = 72 / figure.dpi
    boxes = []
    for artist in figure.findobj(Text):
        if artist.get_visible() and artist.get_text().strip():
            box = Text.get_window_extent(artist)
            boxes.append((artist.get_text(), Bbox(box.get_points() * scale)))
    return boxes


def misplaced(figure: Figure) -> list[str]:
    """A line for every label that is clipped or lies over another one; none is what a figure must have."""
    width, height = figure.get_size_inches() * 72
    boxes = label_boxes(figure)
    faults = [
        f"clipped: {words!r} {box}"
        for words, box in boxes
        if box.x0 < -0.1 or box.y0 < -0.1 or box.x1 > width + 0.1 or box.y1 > height + 0.1
    ]
    for (first, one), (second, other) in itertools.combinations(boxes, 2):
        beside = one.x1 <= other.x0 + 0.1 or other.x1 <= one.x0 + 0.1
        above = one.y1 - SLACK <= other.y0 + SLACK or other.y1 - SLACK <= one.y0 + SLACK
        if not (beside or above):
            faults.append(f"overlap: {first!r} {one} and {second!r} {other}")
    return faults
