"""Interleaved repetitions, medians and spreads."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """Repeated measurements of one quantity."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return min(self.values), max(self.values)


@dataclass(frozen=True)
class Comparison:
    """One quantity, measured for us and for each peer; less is better unless `more_is_better`."""

    name: str
    unit: str
    ours: Figure
    peers: Mapping[str, Figure]
    more_is_better: bool = False
    note: str = ""

    def ratio(self, peer: str) -> float:
        """How many times better we are than `peer`, by medians."""
        ours, theirs = self.ours.median, self.peers[peer].median
        return ours / theirs if self.more_is_better else theirs / ours


TARGET = "target"


def against_target(
    name: str, unit: str, values: Sequence[float], target: float, more_is_better: bool = False, note: str = ""
) -> Comparison:
    """Compare a quantity with a target in place of a peer. A ratio above 1 reaches it."""
    peers = {TARGET: Figure((target,))}
    return Comparison(name, unit, Figure(tuple(values)), peers, more_is_better, note)


def interleave(ways: Mapping[str, Callable[[], float]], repetitions: int) -> dict[str, Figure]:
    """Measure every way once per repetition, in turn, so that a slow minute affects all of them.

    Each callable does the work once and returns its own measurement (seconds, rows per second …). The order
    is reversed in every second repetition.
    """
    values: dict[str, list[float]] = {name: [] for name in ways}
    for repetition in range(repetitions):
        turn = list(ways.items())[:: 1 if repetition % 2 == 0 else -1]
        for name, measure in turn:
            values[name].append(measure())
    return {name: Figure(tuple(seen)) for name, seen in values.items()}
