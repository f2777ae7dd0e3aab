"""Compares the values of a hyper-parameter by their means, their order and their spread. Pure.

The seeds are the error term. A comparison of two values first averages over everything else within a seed,
then tests the differences over the seeds (paired t; Holm's correction over all pairs). A search that draws
its configurations may have no two runs that are alike in all else: there the runs are the sample (Welch's t).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import f_oneway, spearmanr

from metasweep.report.base.words import number_of, parameter_name, value
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.importance import on_scale
from metasweep.report.measure.statistics import SIGNIFICANCE, MeanTest, against, scale_of, welch_t
from metasweep.report.read.study import SEED, Study

LEARNED = 0.5  # dropout is judged in settings whose every run exceeds this accuracy
MOST_LEVELS = 12  # the most values of a parameter that are compared with each other


@dataclass(frozen=True)
class Claim:
    """What can be said about one question, at any level of significance."""

    p_value: float  # the smallest one used, corrected for its own comparisons; NaN without a test
    say: Callable[[float], str]
    figure: str = ""


def seed_means(study: Study, runs: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Return the mean over everything else: one row per seed, one column per value of the parameter."""
    rows = runs if has_seeds(runs) else runs.assign(**{SEED: 0})
    column = study.reported.column
    means = rows.groupby([SEED, parameter], observed=True)[column].mean()
    return means.unstack()


def balanced(study: Study, runs: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Return the runs of settings (of all else, including the seed) that have every value of a parameter.

    Otherwise, in an incomplete grid, a value would win because its other settings are easy.
    """
    others = [name for name in (*study.parameters, SEED) if name != parameter and name in runs]
    runs = runs[runs[parameter].notna()]
    if not others:
        return runs
    seen = runs.groupby(others, dropna=False)[parameter].transform("nunique")
    return runs[seen == runs[parameter].nunique()]


def claim(study: Study, runs: pd.DataFrame, parameter: str, where: str, figure: str) -> Claim:
    """The comparison of the values of a parameter."""
    found = _best(study, runs, parameter) if runs[parameter].nunique() > 1 else None
    p_values = [] if found is None else [test.p_value for test in found.tests.values()]
    known = [p for p in p_values if not math.isnan(p)]
    return Claim(
        min(known, default=math.nan), lambda level: compare(study, runs, parameter, where, level), figure
    )


def compare(study: Study, runs: pd.DataFrame, parameter: str, where: str, level: float = SIGNIFICANCE) -> str:
    """Say which value of a parameter is best, which are as good, and which are worse."""
    name, metric = parameter_name(parameter), study.reported
    if runs[parameter].nunique() < 2 <= study.runs[parameter].nunique() and len(runs):
        only = value(runs[parameter].iloc[0])
        return f"{where} only {name} {only} has {metric.name}: nothing can be compared."
    if runs[parameter].nunique() < 2:
        return f"{where} there is only {name} {value(runs[parameter].iloc[0])}." if len(runs) else ""
    found = _best(study, runs, parameter)
    if found is None:
        return f"{where} it cannot be said which {name} is best: no setting was run with all its values."
    top, mean, method, tests = found
    reached = f"{metric.amount(mean)} {metric.words}"
    head = f"{where}, {name} {value(top)} is best on average ({reached})"
    if not method:
        return f"{head}; one seed cannot show whether by more than chance."
    worse = [item for item, test in tests.items() if test.p_value < level]
    alike = ", ".join(value(item) for item in tests if item not in worse)
    tested = f"{method}, Holm, 5 %"
    if not worse:
        return f"{where}, {name} {value(top)} ({reached}) cannot be distinguished from {alike} ({tested})."
    losses = ", ".join(f"{value(item)} by {metric.show(abs(tests[item].difference))}" for item in worse)
    unit = metric.difference(0.0).partition(" ")[2]
    rest = f"; not distinguishable from it: {alike}" if alike else ""
    return f"{head}; it beats {losses}{' ' + unit if unit else ''}{rest} ({tested})."


def trend(study: Study, runs: pd.DataFrame, parameter: str) -> Claim:
    """Test whether a parameter of many values correlates with the metric: Spearman's rank correlation."""
    name, metric = parameter_name(parameter), study.reported
    numbers = on_scale(runs[parameter])
    if numbers is None or runs[metric.column].nunique() < 2:
        words = f"{name} has {runs[parameter].nunique()} values that have no order: nothing is said of it."
        return Claim(math.nan, lambda _level: words, "effects")
    found = spearmanr(numbers, runs[metric.column])
    rank, p_value = float(found.statistic), float(found.pvalue)
    about = f"Spearman's rank correlation {rank:+.2f}, {number_of(len(runs), 'run')}"

    def say(level: float) -> str:
        if not p_value < level:
            return f"Over all runs, {metric.words} does not go with {name} as far as can be seen ({about})."
        better = "larger" if rank * metric.sign > 0 else "smaller"
        return f"Over all runs, {better} {name} goes with better {metric.words} ({about})."

    return Claim(p_value, say, "effects")


def best_by(study: Study, runs: pd.DataFrame, parameter: str, by: Sequence[str]) -> str:
    """Say which value of a parameter is best at every value of others, and which are as good."""
    names = " and ".join(map(parameter_name, by))
    parts = []
    for levels in itertools.product(*map(study.levels, by)):
        here = (runs[list(by)] == list(levels)).all(axis=1)
        found = _best(study, runs[here], parameter)
        if found is not None:
            alike = [other for other, test in found.tests.items() if not test.p_value < SIGNIFICANCE]
            brackets = f" ({', '.join(map(value, alike))})" if alike else ""
            parts.append(f"{value(found.value)}{brackets} at {' '.join(map(value, levels))}")
    shown = parameter_name(parameter)
    if not parts:
        return f"Which {shown} is best at which {names} cannot be said."
    return f"Best {shown} by {names}, in brackets what is not distinguishable from it: {'; '.join(parts)}."


class _Best(NamedTuple):
    value: Hashable
    mean: float
    method: str  # of the tests; empty if one seed allows none
    tests: dict[Hashable, MeanTest]  # against every other value


def _best(study: Study, runs: pd.DataFrame, parameter: str) -> _Best | None:
    """Return the best value of a parameter, and how it compares; None if no setting has all values."""
    rows = balanced(study, runs, parameter)
    means = seed_means(study, rows, parameter)
    if len(means) < 2 and study.drawn:
        column = study.reported.column
        samples: dict[Hashable, pd.Series] = {
            level: group[column] for level, group in runs.groupby(parameter, observed=True)
        }
        return _compared(study, parameter, samples, f"Welch's t over {len(runs)} runs", welch_t)
    if rows.empty:
        return None
    method = f"paired t over {len(means)} seeds" if len(means) > 1 else ""
    return _compared(study, parameter, dict(means.items()), method)


def _compared(
    study: Study,
    parameter: str,
    samples: Mapping[Hashable, pd.Series],
    method: str,
    test: Callable[[ArrayLike, ArrayLike], MeanTest] | None = None,
) -> _Best | None:
    levels = [level for level in study.levels(parameter) if level in samples]
    if not levels:
        return None
    sign = study.reported.sign
    best = max(range(len(levels)), key=lambda index: sign * samples[levels[index]].mean())
    tests = dict(zip(levels, against(best, [samples[level] for level in levels], test), strict=True))
    del tests[levels[best]]
    return _Best(levels[best], float(samples[levels[best]].mean()), method, tests)


def spread_claim(study: Study, runs: pd.DataFrame, parameter: str) -> Claim:
    """The test of `spread`."""
    return Claim(
        _spread_test(study, runs, parameter)[0],
        lambda level: spread(study, runs, parameter, level),
        "effects",
    )


def spread(study: Study, runs: pd.DataFrame, parameter: str, level: float = SIGNIFICANCE) -> str:
    """Test whether the spread over seeds depends on a parameter: Brown and Forsythe's test within settings.

    One deviation from the median of each configuration is zero by construction (with an even number, equal to
    another), and is left out (Hines and O'Hara Hines 2000). Deviations are relative to the mean of their
    setting of all else, since settings may differ in spread. So 2 to 6 % of equal spreads are called
    different. Without these two steps, fewer than 1 % would be, but real differences would rarely be found.
    """
    p_value, rows = _spread_test(study, runs, parameter)
    name = parameter_name(parameter)
    if math.isnan(p_value):
        return f"The effect of {name} on the spread over seeds cannot be said."
    if not p_value < level:
        return f"The spread over seeds does not depend on {name} as far as can be seen (Brown-Forsythe, 5 %)."
    spreads = [
        f"{study.reported.show(_pooled_std(study, rows[rows[parameter] == item]))} at {value(item)}"
        for item in study.levels(parameter)
        if (rows[parameter] == item).any()
    ]
    unit = study.reported.difference(0.0).partition(" ")[2]
    unit = f" {unit}" if unit else ""
    return f"The spread over seeds depends on {name}: std {', '.join(spreads)}{unit} (Brown-Forsythe, 5 %)."


def _spread_test(study: Study, runs: pd.DataFrame, parameter: str) -> tuple[float, pd.DataFrame]:
    """Return the p-value of that test, NaN without one, and the runs that it used."""
    rows = balanced(study, runs, parameter)
    if rows.empty:
        return math.nan, rows
    deviations = _deviations(study, rows, parameter)
    groups = [deviations[rows[parameter] == level].dropna() for level in study.levels(parameter)]
    groups = [group for group in groups if len(group) > 1]
    if len(groups) < 2:
        return math.nan, rows
    with np.errstate(divide="ignore", invalid="ignore"):  # without spread of the deviations p is 0 or NaN
        p_value = float(f_oneway(*groups).pvalue)
    return (1.0 if math.isnan(p_value) else p_value), rows


def _deviations(study: Study, runs: pd.DataFrame, parameter: str) -> pd.Series:
    """Return distances from the median of the configuration, relative to their mean over the setting.

    NaN for the smallest one of every configuration, and for settings without spread.
    """
    cells = [runs[name] for name in study.parameters]
    column = study.reported.column
    distances = (runs[column] - runs.groupby(cells, dropna=False)[column].transform("median")).abs()
    ranks = distances.groupby(cells, dropna=False).rank(method="first")
    distances = distances.where(ranks > 1)
    others = [column for column in cells if column.name != parameter]
    usual = distances.groupby(others, dropna=False).transform("mean") if others else distances.mean()
    return (distances / usual).replace([np.inf, -np.inf], np.nan)


def _pooled_std(study: Study, runs: pd.DataFrame) -> float:
    """Standard deviation over seeds, pooled over the configurations."""
    values = runs[study.reported.column]
    scale = scale_of(values)
    cells = [runs[name] for name in study.parameters]
    return scale * math.sqrt((values / scale).groupby(cells, dropna=False).var().mean())


def cells_that_learned(study: Study, runs: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Return the runs of settings whose every run has learned; all runs if the metric is not an accuracy.

    All runs also where they are drawn: each is a setting of its own, chosen by its own outcome.
    """
    if not study.reported.is_accuracy or study.drawn:
        return runs
    chance, column = chance_of(study) or 0.0, study.reported.column
    others = [name for name in study.parameters if name != parameter]
    if not others:
        return runs[runs[column] > chance]
    worst = runs.groupby(others, dropna=False)[column].transform("min")
    return runs[worst > max(chance, LEARNED)]


def measured(study: Study) -> pd.DataFrame:
    """Return the finished runs that have the reported metric."""
    runs = study.finished
    return runs[runs[study.reported.column].notna()]


def has_seeds(runs: pd.DataFrame) -> bool:
    """Return whether a seed distinguishes repeated runs."""
    return SEED in runs and bool(runs[SEED].notna().any())
