"""Intervals and tests over seeds. Pure functions of samples; accuracies are fractions.

Student's t is the default. With five seeds a nominal 95 % interval covers the mean 95 % of the time with t,
88 % with the normal distribution, 84 % with the bootstrap.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import nctdtr, ndtri, stdtr, stdtrit

SIGNIFICANCE = 0.05  # of every claim; with Holm's or Bonferroni's correction if there are several
INTERVALS = ("t", "normal", "bootstrap")
RESAMPLES = 10_000
POWER = 0.8  # the probability to show a difference that a study "could have shown"


@dataclass(frozen=True)
class Interval:
    """Mean of n values with a two-sided confidence interval.

    With fewer than two values there is no spread: `std` and `half_width` are NaN.
    """

    mean: float
    std: float  # of the sample, with n - 1
    n: int
    half_width: float

    @property
    def low(self) -> float:
        """Lower end."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end."""
        return self.mean + self.half_width


@dataclass(frozen=True)
class MeanTest:
    """A t test of two samples: paired, over the seeds that both have, or of independent runs."""

    difference: float  # mean of a - b
    n: int  # pairs, or the runs of both
    p_value: float  # two-sided; NaN with fewer than two pairs, or than two runs of one


def scale_of(values: ArrayLike) -> float:
    """A power of two near the largest absolute value; 1 where all are 0 or there is none.

    What is squared is divided by it first, which is exact: so 1e300 has a variance, and 1e-300 one above 0.

    Args:
        values: of any shape; NaN is no value.
    """
    sizes = np.abs(np.asarray(values, dtype=float))
    largest = float(np.fmax.reduce(sizes, axis=None, initial=0.0))
    return math.ldexp(1.0, math.frexp(largest)[1]) if largest > 0 else 1.0


def standard_deviation(values: ArrayLike) -> float:
    """Of a sample, with n - 1, NaN left out; NaN for fewer than two values."""
    sample = np.asarray(values, dtype=float)
    sample = sample[~np.isnan(sample)]
    if sample.size < 2:
        return math.nan
    scale = scale_of(sample)
    return float((sample / scale).std(ddof=1)) * scale


def interval(values: ArrayLike, method: str = "t", confidence: float = 0.95) -> Interval:
    """Mean and confidence interval of a sample; NaN values are left out.

    Args:
        values: the sample, shape [n].
        method: "t" (Student), "normal" (z) or "bootstrap" (half the width of the percentile interval).
        confidence: coverage, in (0, 1).
    """
    sample = np.asarray(values, dtype=float)
    sample = sample[~np.isnan(sample)]
    if sample.size == 0:
        return Interval(math.nan, math.nan, 0, math.nan)
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, math.nan, 1, math.nan)
    std = standard_deviation(sample)
    if method == "bootstrap":
        return Interval(mean, std, sample.size, bootstrap_half_width(sample, confidence))
    return Interval(mean, std, sample.size, half_width(std, sample.size, method, confidence))


def half_width(std: float, n: int, method: str = "t", confidence: float = 0.95) -> float:
    """Half-width of the interval of a mean: quantile × s / √n, from Student's t with n-1 or from z."""
    tail = (1 + confidence) / 2
    quantile = stdtrit(n - 1, tail) if method == "t" else ndtri(tail)
    return float(quantile) * std / math.sqrt(n)


def bootstrap_half_width(sample: NDArray[np.float64], confidence: float = 0.95) -> float:
    """Half the width of the percentile bootstrap of the mean, always from the same resamples."""
    resampler = np.random.default_rng(0)
    means = resampler.choice(sample, (RESAMPLES, sample.size)).mean(axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(high - low) / 2


def paired_t(a: ArrayLike, b: ArrayLike) -> MeanTest:
    """Two-sided paired t test; `a[i]` and `b[i]` share a seed. Pairs with a NaN are left out."""
    differences = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    differences = differences[~np.isnan(differences)]
    n = differences.size
    if n < 2:
        return MeanTest(float(differences.mean()) if n else math.nan, n, math.nan)
    scale = scale_of(differences)
    differences = differences / scale
    mean, std = float(differences.mean()), float(differences.std(ddof=1))
    if mean == 0:
        return MeanTest(mean, n, 1.0)
    if std < 1e-9 * abs(mean):
        # The difference is the same for every seed, since accuracies have steps of one image. Such a step is
        # at most the difference itself, so the true spread may be as large as that of rounding by it.
        std = abs(mean) / math.sqrt(12)
    t = mean / (std / math.sqrt(n))
    return MeanTest(mean * scale, n, float(2 * stdtr(n - 1, -abs(t))))


def welch_t(a: ArrayLike, b: ArrayLike) -> MeanTest:
    """Two-sided t test of two independent samples whose spreads may differ (Welch 1947)."""
    samples = [np.asarray(sample, dtype=float) for sample in (a, b)]
    first, second = [sample[~np.isnan(sample)] for sample in samples]
    n = first.size + second.size
    if not first.size or not second.size:
        return MeanTest(math.nan, n, math.nan)
    difference = float(first.mean() - second.mean())
    if min(first.size, second.size) < 2:
        return MeanTest(difference, n, math.nan)
    scale = scale_of([*first, *second])
    parts = [float((sample / scale).var(ddof=1)) / sample.size for sample in (first, second)]
    if not sum(parts) > 0:
        return MeanTest(difference, n, math.nan if difference else 1.0)
    bounds = [part**2 / (sample.size - 1) for part, sample in zip(parts, (first, second), strict=True)]
    t = difference / scale / math.sqrt(sum(parts))
    return MeanTest(difference, n, float(2 * stdtr(sum(parts) ** 2 / sum(bounds), -abs(t))))


def against(
    best: int,
    samples: Sequence[pd.Series],
    test: Callable[[ArrayLike, ArrayLike], MeanTest] | None = None,
) -> list[MeanTest]:
    """Return tests of the best of several samples against each of them.

    The p-values are Holm's over all pairs of samples, since the best was chosen from the same values.
    Correcting only for the pairs with the best would call 8 instead of 5 % of equal fives different.

    Args:
        best: its place among the samples.
        samples: their index is the seed.
        test: of two samples; None: paired t over the common seeds.
    """
    others = [index for index in range(len(samples)) if index != best]
    pairs = itertools.combinations([best, *others], 2)
    if test is None:
        tests = [paired_t(*samples[a].align(samples[b], join="inner")) for a, b in pairs]
    else:
        tests = [test(samples[a], samples[b]) for a, b in pairs]
    adjusted = holm([each.p_value for each in tests])
    found = {at: replace(tests[i], p_value=adjusted[i]) for i, at in enumerate(others)}
    return [found.get(index, MeanTest(0.0, len(samples[index]), math.nan)) for index in range(len(samples))]


def detectable(std: float, n: int, comparisons: int = 1, power: float = POWER) -> float:
    """Return the true difference that a paired t test over n seeds shows with this power.

    NaN below two seeds.

    Args:
        std: of the differences between two configurations over seeds.
        n: seeds.
        comparisons: by which the level is divided (Bonferroni, the first step of Holm's correction).
        power: probability that it is shown.
    """
    if n < 2 or not std > 0:
        return math.nan
    from scipy.optimize import brentq  # slow to import, rarely needed

    critical = float(stdtrit(n - 1, 1 - SIGNIFICANCE / comparisons / 2))

    # P(T > critical) = power for the noncentral t distribution, whose noncentrality grows with the
    # difference.
    def missed(shift: float) -> float:
        return float(nctdtr(n - 1, shift, critical)) - (1 - power)

    upper = critical + 1
    while missed(upper) > 0:
        upper *= 1.5
    shift = brentq(missed, 0.0, upper)
    return float(shift) * std / math.sqrt(n)


def seeds_to_show(difference: float, std: float, comparisons: int = 1, most: int = 1000) -> int | None:
    """Return the seeds that show a true difference with 80 % power; None above `most`."""
    if not (abs(difference) > 0 and std > 0):
        return None
    low, high = 2, 4
    while detectable(std, high, comparisons) > abs(difference):
        if high >= most:
            return None
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        if detectable(std, middle, comparisons) > abs(difference):
            low = middle + 1
        else:
            high = middle
    return low if low <= most else None


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's (1979) adjusted p-values, in the given order.

    NaN is not a test: it stays and is not counted.
    """
    tested = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - rank) * p))
        adjusted[index] = largest
    return adjusted
