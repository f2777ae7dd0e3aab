"""How much of the outcome each hyper-parameter explains.

A complete grid is a full factorial design: its variance splits exactly into main effects, interactions and
what the seeds do (functional ANOVA: Hutter, Hoos, Leyton-Brown 2014, here without a model). For an incomplete
grid or a random search, `analysis.forest` estimates it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from metasweep.report.measure.statistics import half_width
from metasweep.report.read.study import SEED, Study

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """Share of the variance; `half_width` of its 95 % interval over seeds, NaN when there is one seed."""

    parameters: tuple[str, ...]  # one: main effect; several: their interaction
    share: float
    half_width: float


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of a metric over runs.

    For "anova" the effects and `error` add up to one; "permutation" knows only totals.
    """

    method: str  # "anova" or "permutation"
    metric: str
    runs: int
    effects: tuple[Effect, ...]  # largest first
    totals: tuple[Effect, ...]  # main effect and all interactions of each parameter, largest first
    error: float  # by the seeds alone (anova; NaN with one seed), or not predicted (permutation)


def factorial(study: Study, metric: str) -> tuple[tuple[str, ...], Array] | None:
    """The complete grid as an array, or None when it is not complete.

    Returns:
        parameters with more than one level, and the metric with shape [levels of each…, seeds]; the seeds
        are those that all configurations have. Without a parameter `seed` one run per configuration.
    """
    runs = study.finished
    runs = runs[np.isfinite(runs[metric].to_numpy(dtype=float))]
    names = [name for name in study.parameters if runs[name].nunique() > 1]
    if not names or runs[names].isna().to_numpy().any():
        return None
    if SEED not in runs:
        runs = runs.assign(**{SEED: 0})
    by_seed = runs.pivot_table(index=names, columns=SEED, values=metric, aggfunc="first", sort=True)
    by_seed = by_seed.dropna(axis="columns")
    shape = [runs[name].nunique() for name in names]
    if len(by_seed) != math.prod(shape) or by_seed.shape[1] == 0:
        return None
    return tuple(names), by_seed.to_numpy(dtype=float).reshape(*shape, -1)


def anova(parameters: Sequence[str], outcome: Array, metric: str = "test_acc") -> Importance:
    """Exact functional ANOVA of a complete grid.

    Args:
        parameters: names of all axes but the last.
        outcome: the metric, shape [levels of each parameter…, seeds].
    """
    shares = variance_shares(outcome)
    spreads = _spread_over_seeds(outcome, shares)
    effects = [
        Effect(tuple(parameters[axis] for axis in axes), share, spreads[axes])
        for axes, share in shares.items()
        if axes
    ]
    totals = []
    for index, name in enumerate(parameters):
        total = _total(shares, index)
        leave_one_out = [_total(left, index) for left in _without_each_seed(outcome)]
        totals.append(Effect((name,), total, _jackknife_half_width(leave_one_out)))
    return Importance(
        method="anova",
        metric=metric,
        runs=outcome.size,
        effects=tuple(sorted(effects, key=lambda effect: -effect.share)),
        totals=tuple(sorted(totals, key=lambda effect: -effect.share)),
        error=shares[()] if outcome.shape[-1] > 1 else math.nan,
    )


def variance_shares(outcome: Array) -> dict[tuple[int, ...], float]:
    """Share of the variance per set of axes; the empty set is the variance within cells, over seeds.

    The component of a set is the mean over all other axes, less the components of its subsets; components
    are orthogonal, so their mean squares add up to the variance.
    """
    cells = outcome.mean(axis=-1)
    total = float(outcome.var())
    components: dict[tuple[int, ...], Array] = {}
    shares: dict[tuple[int, ...], float] = {}
    for size in range(cells.ndim + 1):
        for axes in itertools.combinations(range(cells.ndim), size):
            others = tuple(axis for axis in range(cells.ndim) if axis not in axes)
            component = cells.mean(axis=others, keepdims=True)
            for smaller, known in components.items():
                if set(smaller) < set(axes):
                    component = component - known
            components[axes] = component
            shares[axes] = float((component**2).mean()) / total if total else 0.0
    shares[()] = float(outcome.var(axis=-1).mean()) / total if total else 0.0
    return shares


def _total(shares: dict[tuple[int, ...], float], axis: int) -> float:
    return sum(share for axes, share in shares.items() if axis in axes)


def _without_each_seed(outcome: Array) -> list[dict[tuple[int, ...], float]]:
    """Shares computed without each of the seeds in turn; none when there is only one."""
    seeds = outcome.shape[-1]
    if seeds < 2:
        return []
    return [variance_shares(np.delete(outcome, seed, axis=-1)) for seed in range(seeds)]


def _spread_over_seeds(outcome: Array, shares: dict[tuple[int, ...], float]) -> dict[tuple[int, ...], float]:
    left_out = _without_each_seed(outcome)
    return {axes: _jackknife_half_width([left[axes] for left in left_out]) for axes in shares}


def _jackknife_half_width(leave_one_out: Sequence[float]) -> float:
    """Half-width of the 95 % interval from estimates that each lack one seed (Tukey 1958, Student's t)."""
    n = len(leave_one_out)
    if n < 2:
        return math.nan
    pseudo_std = (n - 1) * float(np.std(leave_one_out, ddof=1))
    return half_width(pseudo_std, n)


def on_scale(values: pd.Series) -> pd.Series | None:
    """A parameter as numbers on the scale on which it acts: log10 when it spans decades; None for words."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.isna().any() or values.map(lambda value: isinstance(value, bool)).any():
        return None
    if numbers.min() > 0 and numbers.max() / numbers.min() >= 50:
        return np.log10(numbers)
    return numbers.astype(float)


def correlation(runs: pd.DataFrame, parameter: str, metric: str) -> float:
    """Pearson's correlation of a parameter (log10 when it spans decades) with a metric; NaN for words."""
    known = runs[np.isfinite(runs[metric]) & runs[parameter].notna()]
    numbers = on_scale(known[parameter])
    if numbers is None or len(known) < 3 or numbers.nunique() < 2 or known[metric].nunique() < 2:
        return math.nan
    return float(np.corrcoef(numbers, known[metric])[0, 1])
