"""Slots of a discrete axis: each value's part of the axis, and the place of every run in it.

A slot's height is proportional to its number of runs. Inside it the runs are evenly spaced and sorted by
quality. So a slot looks like a stacked colour bar, and no two lines coincide. A value without runs keeps its
place and its label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
FILLED = 0.72  # the largest part of an axis that bars fill
# the largest part of an axis for one run, so that few runs stay lines and do not become blocks
PER_RUN = 0.035


@dataclass(frozen=True)
class Slot:
    """One value's bar from `low` to `high` (the axis reaches from 0 to 1) and its number of runs."""

    label: str
    low: float
    high: float
    runs: int
    special: bool = False  # not a value: "chance", "not set"

    @property
    def middle(self) -> float:
        """The middle of the bar."""
        return (self.low + self.high) / 2


def stack(counts: Sequence[int], label_height: float) -> list[tuple[float, float]]:
    """Return (low, high) of the bars from the bottom up on an axis of length 1.

    Above each bar there is room for a label.

    `label_height` is the room of one label as part of the axis. If they do not all fit, all rooms shrink
    equally.
    """
    total, bars = sum(counts), len(counts)
    room = min(label_height, 0.9 / bars)
    unit = min(min(FILLED, 1 - bars * room) / max(total, 1), PER_RUN)
    spare = (1 - unit * total - bars * room) / bars
    lows, position = [], 0.0
    for count in counts:
        lows.append(position + spare / 2)
        position += spare + unit * count + room
    return [(low, low + unit * count) for low, count in zip(lows, counts, strict=True)]


def spread(members: npt.NDArray[np.intp], rank: npt.NDArray[np.intp], low: float, high: float) -> Array:
    """Heights of the members of one slot: evenly between its ends, the best (highest rank) at the top."""
    order = np.argsort(np.argsort(rank[members]))
    return low + (order + 0.5) / max(len(members), 1) * (high - low)
