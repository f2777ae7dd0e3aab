"""Permutation importance of a random forest, for runs that are not a complete grid.

Shuffling one input of a model raises its squared error by twice the variance in which the input takes part
(Jansen 1999). So half the rise estimates the same total index as the ANOVA of a complete grid. It is measured
on runs that the forest has not seen. The forest's own impurity measure is not used, since it favours
parameters with many values.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold

from metasweep.report.measure.importance import Effect, Importance, on_scale
from metasweep.report.measure.statistics import scale_of
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import SEED, Study

FOLDS = 5
TREES = 100
SHUFFLES = 5
FEWEST_RUNS = 20


def permutation(study: Study, metric: Quantity) -> Importance | None:
    """Return the total index of every parameter, without intervals; None with too few runs.

    The spread over the folds is not an interval of the index: where the truth was known, its 95 % covered 7
    of 12. A real interval would need the distance between forest and truth, which no resampling of the runs
    shows.
    """
    runs = study.finished
    runs = runs[np.isfinite(runs[metric.column].to_numpy(dtype=float))]
    names = [name for name in study.parameters if runs[name].nunique() > 1]
    if len(runs) < FEWEST_RUNS or not names or runs[metric.column].nunique() < 2:
        return None
    inputs = np.column_stack([_codes(runs[name]) for name in names])
    outcome = runs[metric.column].to_numpy(dtype=float)
    losses, unexplained = _losses(inputs, outcome / scale_of(outcome), _groups(runs, names))
    totals = [Effect((name,), float(share)) for name, share in zip(names, losses.mean(axis=0), strict=True)]
    ordered = tuple(sorted(totals, key=lambda effect: -effect.share))
    return Importance("permutation", metric, len(runs), (), ordered, unexplained)


def _codes(values: pd.Series) -> np.ndarray:
    """Return numbers on their scale, words as the rank of their name; missing values are below all others."""
    numbers = on_scale(values)
    if numbers is not None:
        return numbers.to_numpy()
    return pd.factorize(values.astype(str), sort=True)[0].astype(float)


def _groups(runs: pd.DataFrame, names: list[str]) -> np.ndarray:
    """Return configurations as groups, so that all seeds of one stay in the same fold.

    Otherwise the forest would have seen the answer.
    """
    if SEED not in runs:
        return np.arange(len(runs))
    return runs.groupby(names, dropna=False).ngroup().to_numpy()


def _losses(inputs: np.ndarray, outcome: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, float]:
    """Return half the rise of the squared error after shuffling, as a share of the variance.

    Args:
        inputs: shape [runs, parameters].
        outcome: shape [runs].
        groups: shape [runs]; runs of the same group stay together.

    Returns:
        shares [folds, parameters], and the share of the variance that is not predicted.
    """
    variance = float(outcome.var())
    rng = np.random.default_rng(0)
    distinct = np.unique(groups)
    folds = min(FOLDS, len(distinct))
    losses, unexplained = [], []
    for _, held_out in KFold(folds, shuffle=True, random_state=0).split(distinct):
        test = np.isin(groups, distinct[held_out])
        forest = RandomForestRegressor(TREES, random_state=0).fit(inputs[~test], outcome[~test])
        base = float(np.mean((forest.predict(inputs[test]) - outcome[test]) ** 2))
        unexplained.append(base / variance)
        columns = range(inputs.shape[1])
        errors = [_shuffled_error(forest, inputs[test], outcome[test], column, rng) for column in columns]
        losses.append([(error - base) / variance / 2 for error in errors])
    return np.asarray(losses), min(1.0, math.fsum(unexplained) / len(unexplained))


def _shuffled_error(
    forest: RandomForestRegressor,
    inputs: np.ndarray,
    outcome: np.ndarray,
    column: int,
    rng: np.random.Generator,
) -> float:
    """Mean squared error with one column shuffled, over several shuffles."""
    repeated = np.tile(inputs, (SHUFFLES, 1))
    repeated[:, column] = np.concatenate([rng.permutation(inputs[:, column]) for _ in range(SHUFFLES)])
    return float(np.mean((forest.predict(repeated) - np.tile(outcome, SHUFFLES)) ** 2))
