"""Scales of continuous axes: the position of a value between 0 (bottom) and 1 (top), and fitting ticks.

An accuracy is drawn on the "nines" scale, -log10(1 - accuracy): 90, 99 and 99.9 % have equal distances, so
that 97, 98 and 99 % can be distinguished.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.ticker import MaxNLocator

from metasweep.page.columns import LOG_RATIO
from metasweep.report.figures.drawing import text

Kind = Literal["linear", "log", "nines"]
Array = npt.NDArray[np.float64]
LINEAR_FROM = (
    0.95  # at and above this accuracy all differences are of one order: a linear scale is easier to read
)
PERFECT = 1e-6  # the error below which more nines are not shown
NINES = (
    (0.5, 0.9, 0.99, 0.999, 0.9999),
    (0.8, 0.95, 0.98, 0.995, 0.998, 0.9995, 0.2),
    (0.97, 0.7, 0.985, 0.3, 0.1),
    (0.6, 0.85, 0.96, 0.997, 0.4),
)


@dataclass(frozen=True)
class Scale:
    """A monotone map from [low, high] to [0, 1]; `flip` puts small values at the top."""

    low: float
    high: float
    kind: Kind = "linear"
    as_percent: bool = False
    flip: bool = False
    ceiling: float = PERFECT  # nines only: the error at which a perfect accuracy is drawn

    def _raw(self, values: npt.ArrayLike) -> Array:
        array = np.asarray(values, dtype=np.float64)
        if self.kind == "log":
            return np.log10(np.maximum(array, np.finfo(np.float64).tiny))
        if self.kind == "nines":
            return -np.log10(np.maximum(1 - array, self.ceiling))
        return array

    def forward(self, values: npt.ArrayLike, clip: bool = True) -> Array:
        """Return the positions of values, by default clipped to [0, 1]; NaN stays NaN."""
        low, high = self._raw([self.low, self.high])
        position = (self._raw(values) - low) / (high - low)
        position = np.clip(position, 0.0, 1.0) if clip else position
        return 1 - position if self.flip else position

    def inverse(self, positions: npt.ArrayLike) -> Array:
        """Values at positions in [0, 1]."""
        array = np.asarray(positions, dtype=np.float64)
        low, high = self._raw([self.low, self.high])
        raw = low + (high - low) * (1 - array if self.flip else array)
        if self.kind == "log":
            return np.asarray(10.0**raw)
        return 1 - 10.0**-raw if self.kind == "nines" else raw

    def ticks(self, gap: float) -> list[tuple[float, str]]:
        """Return (position, label) of ticks at least `gap` apart, in ascending order.

        Round values are preferred.
        """
        chosen: list[float] = []
        for tier in self._tiers(max(int(1 / gap), 1)):
            inside = [value for value in tier if self.low <= value <= self.high]
            for value in inside:
                if all(abs(float(self.forward(value) - self.forward(other))) >= gap for other in chosen):
                    chosen.append(value)
        chosen.sort()
        shown = (
            [text.percent(v) for v in chosen] if self.as_percent else text.labels(chosen) if chosen else []
        )
        return [(float(self.forward(value)), label) for value, label in zip(chosen, shown, strict=True)]

    def _tiers(self, most: int) -> Iterable[Iterable[float]]:
        locator = MaxNLocator(min(most, 6), steps=[1, 2, 2.5, 5, 10])
        even = [float(v) for v in locator.tick_values(self.low, self.high)]
        even = [round(value, 12) for value in even]
        if self.kind == "linear":
            return [even]
        if self.kind == "nines":
            perfect = [1.0] if self.high >= 1 else []
            return [perfect, *NINES, even] if self.high < 0.98 or self.low < 0.97 else [perfect, even]
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        powers = [10.0**power for power in decades]
        return [powers, [3 * power for power in powers], even if len(powers) <= 3 else []]


def accuracy_scale(values: npt.ArrayLike, linear: bool = False) -> Scale:
    """Return the scale of accuracies in [0, 1]: nines; linear if asked for, or if all are at least 95 %."""
    array = _finite(values)
    if not array.size:
        return Scale(0.0, 1.0, "linear", as_percent=True)
    low, high = float(array.min()), float(array.max())
    if linear or low >= LINEAR_FROM:
        low, high = _widened(low, high, at_least=0.005)
        return Scale(low, min(high, 1.0), "linear", as_percent=True)
    errors = 1 - array[array < 1]
    ceiling = max(float(errors.min()) / 2, PERFECT) if errors.size else 1e-3
    if high - low < 0.01:
        low, high = _widened(low, high, at_least=0.01)
        low, high = max(low, 0.0), min(high, 1.0)
    return Scale(low, high, "nines", as_percent=True, ceiling=ceiling)


def number_scale(values: npt.ArrayLike, flip: bool = False) -> Scale:
    """Return the scale of other numbers: log if they are positive and far apart, else linear."""
    array = _finite(values)
    if not array.size:
        return Scale(0.0, 1.0, flip=flip)
    low, high = float(array.min()), float(array.max())
    if low > 0 and high / low >= LOG_RATIO:
        return Scale(low, high, "log", flip=flip)
    low, high = _widened(low, high, at_least=max(abs(low), abs(high), 1e-12) * 1e-3, by=0.0)
    return Scale(low, high, "linear", flip=flip)


def _finite(values: npt.ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def _widened(low: float, high: float, at_least: float, by: float = 0.03) -> tuple[float, float]:
    missing = max(at_least - (high - low), 0.0)
    pad = missing / 2 + by * (high - low)
    return low - pad, high + pad
