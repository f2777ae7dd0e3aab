"""How much of the outcome each hyper-parameter explains.

A complete grid is a full factorial design: its variance splits exactly into main effects, interactions and
the effect of the seeds (functional ANOVA: Hutter, Hoos, Leyton-Brown 2014, here without a model). For an
incomplete grid or a random search, `forest` estimates the shares.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ncfdtr

from metasweep.page.columns import LOG_RATIO
from metasweep.report.measure.statistics import scale_of
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import SEED, Study

Array = NDArray[np.float64]
MOST_WHOLE = 7  # the most axes of a grid that is split into all its interactions
LARGEST = 1e12
MOST_SPACED = 12  # the most values whose spacing is examined


@dataclass(frozen=True)
class Effect:
    """Share of the variance; `low` and `high` are its 95 % interval, NaN if not known."""

    parameters: tuple[str, ...]  # one: main effect; several: their interaction
    share: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of a metric over runs.

    For "anova" the effects and `error` add up to one; "permutation" knows only totals.
    """

    method: str  # "anova" or "permutation"
    metric: Quantity
    runs: int
    effects: tuple[Effect, ...]  # largest first
    totals: tuple[Effect, ...]  # main effect and all interactions of each parameter, largest first
    error: float  # due to the seeds alone (anova; NaN with one seed), or not predicted (permutation)


def factorial(study: Study, metric: Quantity) -> tuple[tuple[str, ...], Array] | None:
    """Return the complete grid as an array; None if it is not complete.

    Returns:
        parameters with more than one level, and the metric with shape [levels of each…, seeds]; the seeds are
        those that all configurations have. Without a parameter `seed`, one run per configuration.
    """
    runs = study.finished
    runs = runs[np.isfinite(runs[metric.column].to_numpy(dtype=float))]
    names = [name for name in study.parameters if runs[name].nunique() > 1]
    if not names or runs[names].isna().to_numpy().any():
        return None
    shape = [runs[name].nunique() for name in names]
    if math.prod(shape) > len(runs):
        return None
    if SEED not in runs or runs[SEED].isna().any():
        runs = runs.assign(**{SEED: 0})
    codes = [pd.factorize(runs[name], sort=True)[0] for name in names]
    by_seed = runs.pivot_table(
        index=codes, columns=SEED, values=metric.column, aggfunc="first", sort=True, observed=True
    )
    by_seed = by_seed.dropna(axis="columns")
    if len(by_seed) != math.prod(shape) or by_seed.shape[1] == 0:
        return None
    return tuple(names), by_seed.to_numpy(dtype=float).reshape(*shape, -1)


def anova(parameters: Sequence[str], outcome: Array, metric: Quantity) -> Importance:
    """Return the exact functional ANOVA of a complete grid, minus what the seeds' noise adds to every effect.

    For an effect with d degrees of freedom, noise of variance s² within cells adds d s² / N to its mean
    square. Without several seeds nothing can be subtracted, and there is no interval.

    Args:
        parameters: names of all axes but the last.
        outcome: the metric, shape [levels of each parameter…, seeds].
        metric: its name and kind.
    """
    outcome = outcome / scale_of(outcome)  # shares have no unit
    parts = variance_parts(outcome)
    total, noise = float(outcome.var()), _noise(outcome)

    def effect(names: tuple[str, ...], part: float, freedom: int) -> Effect:
        if not total:
            return Effect(names, 0.0)
        if math.isnan(noise):
            return Effect(names, part / total)
        # what noise adds to the part belongs to the rest
        rest = total - part + freedom * noise / outcome.size
        low, high = _interval(part, rest, freedom, noise, outcome)
        return Effect(names, max(0.0, part - freedom * noise / outcome.size) / total, low, high)

    effects = [
        effect(tuple(parameters[axis] for axis in axes), part, freedom)
        for axes, (part, freedom) in parts.items()
    ]
    alone = {each.parameters: each.share for each in effects}
    totals = [
        # after subtracting noise it could seem smaller than the main effect
        replace(total, share=max(total.share, alone[total.parameters]))
        for total in (effect((name,), *_total(outcome, axis)) for axis, name in enumerate(parameters))
    ]
    return Importance(
        method="anova",
        metric=metric,
        runs=outcome.size,
        effects=tuple(sorted(effects, key=lambda each: -each.share)),
        totals=tuple(sorted(totals, key=lambda each: -each.share)),
        error=max(0.0, 1 - math.fsum(each.share for each in effects)) if not math.isnan(noise) else math.nan,
    )


def variance_parts(outcome: Array) -> dict[tuple[int, ...], tuple[float, int]]:
    """Return mean square and degrees of freedom of the component of every set of axes, over cells.

    The component of a set is the mean over all other axes, minus the components of its subsets. Components
    are orthogonal, so their mean squares add up to the variance of the cells' means. With more than
    `MOST_WHOLE` axes, only single axes and pairs.
    """
    cells = outcome.mean(axis=-1)
    most = cells.ndim if cells.ndim <= MOST_WHOLE else 2
    components: dict[tuple[int, ...], Array] = {}
    parts: dict[tuple[int, ...], tuple[float, int]] = {}
    for size in range(most + 1):
        for axes in itertools.combinations(range(cells.ndim), size):
            others = tuple(axis for axis in range(cells.ndim) if axis not in axes)
            component = cells.mean(axis=others, keepdims=True)
            for smaller in itertools.chain.from_iterable(
                itertools.combinations(axes, count) for count in range(size)
            ):
                component = component - components[smaller]
            components[axes] = component
            if axes:
                freedom = math.prod(cells.shape[axis] - 1 for axis in axes)
                parts[axes] = (float((component**2).mean()), freedom)
    return parts


def _total(outcome: Array, axis: int) -> tuple[float, int]:
    """Return the mean square of everything in which an axis takes part, and its degrees of freedom."""
    cells = outcome.mean(axis=-1)
    without = cells.mean(axis=axis)
    freedom = (cells.shape[axis] - 1) * without.size
    return float(cells.var() - without.var()), freedom


def _noise(outcome: Array) -> float:
    """Variance within cells (with n - 1); NaN with one seed."""
    return float(outcome.var(axis=-1, ddof=1).mean()) if outcome.shape[-1] > 1 else math.nan


def _interval(part: float, rest: float, freedom: int, noise: float, outcome: Array) -> tuple[float, float]:
    """Return the 95 % interval of a share, from the noncentral F distribution of mean square over noise.

    It is exact for the effect's size in units of the noise, if that is normal and equal in all cells (Steiger
    2004). The rest of the variance is taken as measured.
    """
    cells = outcome[..., 0].size
    if not noise > 0:
        share = part / (part + rest) if part + rest else 0.0
        return share, share
    free_error = cells * (outcome.shape[-1] - 1)
    ratio = part * outcome.size / freedom / noise
    low, high = (_noncentrality(ratio, freedom, free_error, p) for p in (0.975, 0.025))
    found = [size * noise / outcome.size for size in (low, high)]
    ends = [size / (size + rest) if size + rest > 0 else 0.0 for size in found]
    return ends[0], ends[1]


def _noncentrality(ratio: float, freedom: int, free_error: int, probability: float) -> float:
    """Return the noncentrality at which a smaller F has this probability; 0 if there is none."""

    def excess(size: float) -> float:
        return float(ncfdtr(freedom, free_error, size, ratio)) - probability

    if excess(0.0) <= 0:
        return 0.0
    upper = max(1.0, freedom * ratio)
    while excess(upper) > 0 and upper < LARGEST:
        upper *= 2
    return float(brentq(excess, 0.0, upper, xtol=1e-6 * upper)) if excess(upper) < 0 else upper


def on_scale(values: pd.Series) -> pd.Series | None:
    """Return a parameter as numbers on the scale on which it acts; None for words.

    log10 if positive values span decades, or if few of them are spaced by factors and not by steps.
    """
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.nunique() < values.nunique():
        return None  # versions, such as 1.1 and 1.10
    if numbers.isna().any() or values.map(lambda value: isinstance(value, (bool, np.bool_))).any():
        return None
    numbers = numbers.astype(float)
    return pd.Series(np.log10(numbers)) if acts_by_factors(sorted(set(numbers))) else numbers


def acts_by_factors(levels: Sequence[float]) -> bool:
    """Return whether ascending values are spaced by factors and not by steps.

    Examples: 16, 32, 64; 0.001, 0.003, 0.01.
    """
    if not levels or levels[0] <= 0:
        return False
    if levels[-1] / levels[0] >= LOG_RATIO:
        return True
    if len(levels) < 3 or len(levels) > MOST_SPACED:
        return False
    steps, factors = np.diff(levels), np.diff(np.log(levels))
    return bool(np.std(factors) / np.mean(factors) < np.std(steps) / np.mean(steps) - 1e-9)


def correlation(runs: pd.DataFrame, parameter: str, metric: Quantity) -> float:
    """Pearson's correlation of a parameter (on its scale) with a metric; NaN for words."""
    column = metric.column
    known = runs[np.isfinite(runs[column]) & runs[parameter].notna()]
    numbers = on_scale(known[parameter])
    if numbers is None or len(known) < 3 or numbers.nunique() < 2 or known[column].nunique() < 2:
        return math.nan
    return float(np.corrcoef(numbers, known[column] / scale_of(known[column]))[0, 1])
