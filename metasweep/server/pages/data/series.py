"""A sample of a metric with a bounded size that keeps its extremes, so that every spike is drawn."""

import math
from dataclasses import dataclass, field
from typing import Any

from metasweep.sweeps import is_finite

# as the history writes them -> as people write them
NOT_FINITE = {"NaN": "NaN", "Infinity": "∞", "-Infinity": "−∞"}
MOST_MARKS = 100  # non-finite values; at least half of that number, evenly spread
Point = tuple[Any, ...]  # x values (step, time, …), then the value


def number(value: Any) -> float | int | None:
    """Return the value if it is a finite number, else None."""
    return value if is_finite(value) else None


def not_finite(value: Any) -> str | None:
    """Return the sign for NaN or an infinity, in either form of the client; None for other values."""
    if isinstance(value, str):
        return NOT_FINITE.get(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    return None


@dataclass
class Series:
    """The points of one metric, in stretches of equal length.

    Each stretch keeps its smallest and its largest point.

    While all points fit, each is a stretch. The first and the newest point are always kept.
    """

    limit: int  # stretches; at most twice as many are kept
    seen: int = 0
    length: int = 1  # points per stretch
    stretches: list[tuple[tuple[int, Point], tuple[int, Point]]] = field(default_factory=list)
    first: Point = ()
    last: Point = ()
    marks: list[Point] = field(default_factory=list)  # (*x values, sign) of non-finite values
    marked: dict[str, int] = field(default_factory=dict)  # sign -> how many there were
    mark_every: int = 1

    def add(self, point: Point) -> None:
        """Add the next point; its value is finite."""
        entry = (self.seen, point)
        if self.seen == 0:
            self.first = point
        if self.seen % self.length == 0:
            if len(self.stretches) == 2 * self.limit:
                self._halve()
            self.stretches.append((entry, entry))
        else:
            least, greatest = self.stretches[-1]
            self.stretches[-1] = (min(least, entry, key=value), max(greatest, entry, key=value))
        self.last = point
        self.seen += 1

    def mark(self, point: Point) -> None:
        """Add a point whose value is not finite; its last element is the sign."""
        sign = point[-1]
        seen = self.marked.get(sign, 0)
        self.marked[sign] = seen + 1
        if seen % self.mark_every == 0:
            self.marks.append(point)
        if len(self.marks) > MOST_MARKS:
            self.mark_every *= 2
            self.marks = [mark for each in self.marked for mark in self._marks_of(each)[::2]]

    def _marks_of(self, sign: str) -> list[Point]:
        return [mark for mark in self.marks if mark[-1] == sign]

    def _halve(self) -> None:
        self.stretches = merged(self.stretches, 2)
        self.length *= 2

    @property
    def sampled(self) -> bool:
        """Return whether some points are left out."""
        return self.length > 1

    def sample(self, most: int | None = None) -> list[Point]:
        """Return about `most` of the kept points in order, including the first and the newest."""
        stretches = self.stretches
        if most is not None and len(stretches) > most:
            stretches = merged(stretches, math.ceil(2 * len(stretches) / most))
        kept = {at: point for pair in stretches for at, point in pair}
        if self.seen:
            kept |= {0: self.first, self.seen - 1: self.last}
        return [kept[at] for at in sorted(kept)]


def value(entry: tuple[int, Point]) -> float:
    """The value of a numbered point."""
    return entry[1][-1]


def merged(
    stretches: list[tuple[tuple[int, Point], tuple[int, Point]]], size: int
) -> list[tuple[tuple[int, Point], tuple[int, Point]]]:
    """Merge each `size` stretches into one."""
    groups = [stretches[at : at + size] for at in range(0, len(stretches), size)]
    return [
        (min((least for least, _ in group), key=value), max((greatest for _, greatest in group), key=value))
        for group in groups
    ]
