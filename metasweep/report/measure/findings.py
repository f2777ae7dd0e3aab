"""Sentences made from the numbers, each with the test that it rests on. Pure.

The seeds are the error term: a comparison of two values of a hyper-parameter first averages over everything
else within a seed, then tests the differences over the seeds (paired t; Holm's correction over all pairs).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import f_oneway, spearmanr

from metasweep.report.measure.baselines import chance_level
from metasweep.report.measure.edges import edge_sentences
from metasweep.report.measure.statistics import (
    SIGNIFICANCE,
    Interval,
    PairedTest,
    against,
    interval,
)
from metasweep.report.read.study import SEED, Study
from metasweep.report.rendering import percent, value
from metasweep.sweeps.states import LOST

METRIC = "test_acc"
LEARNED = 0.5  # accuracy that every run of a setting must exceed for dropout to be judged there
LR, OPTIMIZER, DROPOUT = "lr", "optimizer", "dp"


@dataclass(frozen=True)
class Finding:
    """One sentence (or two), and the figure that shows it."""

    text: str
    figure: str = ""  # name of the chart


def findings(study: Study) -> list[Finding]:
    """All that can be told, in the order of the questions."""
    told = [*learning_rates(study), *dropout(study), *edges(study), *agreement(study)]
    if _measured(study).empty:
        told.append(Finding("Nothing can be told: there is no finished run with a test accuracy."))
    return [*told, *cost(study)]


def learning_rates(study: Study) -> list[Finding]:
    """Which learning rates work, for each optimizer."""
    runs = _measured(study)
    if LR not in study.parameters or runs.empty:
        return []
    if OPTIMIZER not in study.parameters:
        return [Finding(compare(study, runs, LR, "Over all runs"), "effects")]
    parts = [(name, runs[runs[OPTIMIZER] == name]) for name in study.levels(OPTIMIZER)]
    return [
        Finding(compare(study, part, LR, f"With {name}"), "lr-optimizer") for name, part in parts if len(part)
    ]


def dropout(study: Study) -> list[Finding]:
    """What dropout does to the mean and to the spread, where learning works at all."""
    runs = _measured(study)
    if DROPOUT not in study.parameters or runs.empty:
        return []
    learned = _cells_that_learned(study, runs, DROPOUT)
    if learned.empty:
        return [
            Finding("What dropout does cannot be told: no setting learned with every dropout.", "effects")
        ]
    sentence = compare(study, learned, DROPOUT, "Where every run learned (above 50 %)")
    return [Finding(f"{sentence} {spread(study, learned, DROPOUT)}", "effects")]


def edges(study: Study) -> list[Finding]:
    """Whether the best configuration lies on the edge of the grid, and what to try next."""
    return [Finding(sentence, "parallel-good") for sentence in edge_sentences(study)]


def agreement(study: Study) -> list[Finding]:
    """How far validation and test disagree."""
    chance = chance_level(study.class_counts)
    runs = study.finished.dropna(subset=["val_acc", METRIC])
    runs = runs[runs[["val_acc", METRIC]].max(axis=1) > (chance or 0)]
    if len(runs) < 3:
        return []
    differences = runs["val_acc"] - runs[METRIC]
    by_seed = differences.groupby(runs[SEED]).mean() if _has_seeds(runs) else [differences.mean()]
    difference = interval(by_seed)
    varied = runs["val_acc"].nunique() > 1 and runs[METRIC].nunique() > 1
    rank = f"{spearmanr(runs['val_acc'], runs[METRIC]).statistic:.3f}" if varied else "not defined"
    above = "" if chance is None else " above chance"
    spread = f"single runs differ by {percent(differences.std())} points (std)"
    about = f"{spread}, rank correlation {rank}, {len(runs)} runs{above}"
    return [Finding(f"{_side(difference)}; {about}.", "agreement")]


def _side(difference: Interval) -> str:
    """Whether validation lies above test, by the interval over seeds; one seed has none."""
    mean, width = difference.mean, difference.half_width
    if abs(mean) <= width:
        return f"Validation and test do not differ on average ({percent(mean)} ± {percent(width)} points)"
    about = "" if math.isnan(width) else f" ± {percent(width)}"
    return f"Validation lies {percent(abs(mean))}{about} points {'above' if mean > 0 else 'below'} test"


def cost(study: Study) -> list[Finding]:
    """What the search cost."""
    seconds = float(study.runs["runtime_seconds"].fillna(0).sum())
    kinds = ["GPU" if _is_gpu(device) else "CPU-worker" for device in study.runs["device"].unique()]
    unit = "/".join(dict.fromkeys(kinds)) or "worker"
    failed = int(study.runs["state"].isin(LOST).sum())
    scale, word = (3600, "hours") if seconds >= 3600 else (60, "minutes")
    amount = f"{seconds / scale:.1f} {unit} {word}"
    return [Finding(f"The search cost {amount} in {len(study.runs)} runs, of which {failed} failed.", "cost")]


def seed_means(runs: pd.DataFrame, parameter: str, metric: str = METRIC) -> pd.DataFrame:
    """Mean over everything else: one row per seed, one column per value of the parameter."""
    rows = runs if _has_seeds(runs) else runs.assign(**{SEED: 0})
    return rows.pivot_table(index=SEED, columns=parameter, values=metric, aggfunc="mean")


def balanced(study: Study, runs: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Runs of those settings of all else, the seed included, that have every value of a parameter.

    Without it, in a grid that is not complete, the value would win whose other settings are easy.
    """
    others = [name for name in (*study.parameters, SEED) if name != parameter and name in runs]
    runs = runs[runs[parameter].notna()]
    if not others:
        return runs
    seen = runs.groupby(others, dropna=False)[parameter].transform("nunique")
    return runs[seen == runs[parameter].nunique()]


def compare(study: Study, runs: pd.DataFrame, parameter: str, where: str) -> str:
    """The best value of a parameter, which others are as good, and which are worse."""
    if runs[parameter].nunique() < 2:
        return f"{where} there is only {parameter} {value(runs[parameter].iloc[0])}." if len(runs) else ""
    found = _best(study, runs, parameter)
    if found is None:
        return f"{where} it cannot be told which {parameter} is best: no setting was run with all its values."
    top, mean, seeds, tests = found
    reached = f"{percent(mean)} % test accuracy"
    head = f"{where}, {parameter} {value(top)} is best on average ({reached})"
    if seeds < 2:
        return f"{head}; one seed cannot tell whether by more than chance."
    worse = [level for level, test in tests.items() if test.p_value < SIGNIFICANCE]
    alike = ", ".join(value(level) for level in tests if level not in worse)
    tested = f"paired t over {seeds} seeds, Holm, 5 %"
    if not worse:
        return f"{where}, {parameter} {value(top)} ({reached}) cannot be told apart from {alike} ({tested})."
    losses = ", ".join(f"{value(level)} by {percent(tests[level].difference)}" for level in worse)
    rest = f"; not to be told apart from it: {alike}" if alike else ""
    return f"{head}; it beats {losses} points{rest} ({tested})."


def best_by(study: Study, runs: pd.DataFrame, parameter: str, by: Sequence[str]) -> str:
    """Which value of a parameter is best at every value of others, with those not to be told from it."""
    names = " and ".join(by)
    parts = []
    for levels in itertools.product(*map(study.levels, by)):
        here = (runs[list(by)] == list(levels)).all(axis=1)
        found = _best(study, runs[here], parameter)
        if found is not None:
            alike = [other for other, test in found.tests.items() if not test.p_value < SIGNIFICANCE]
            brackets = f" ({', '.join(map(value, alike))})" if alike else ""
            parts.append(f"{value(found.value)}{brackets} at {' '.join(map(value, levels))}")
    if not parts:
        return f"Which {parameter} is best at which {names} cannot be told."
    return (
        f"Best {parameter} by {names}, in brackets what is not to be told apart from it: {'; '.join(parts)}."
    )


class _Best(NamedTuple):
    value: Hashable
    mean: float
    seeds: int
    tests: dict[Hashable, PairedTest]  # against every other value


def _best(study: Study, runs: pd.DataFrame, parameter: str) -> _Best | None:
    """The best value of a parameter over balanced runs; None when no setting has all values."""
    means = seed_means(balanced(study, runs, parameter), parameter)
    levels = [level for level in study.levels(parameter) if level in means.columns]
    if not levels:
        return None
    best = max(range(len(levels)), key=lambda index: means[levels[index]].mean())
    tests = dict(zip(levels, against(best, [means[level] for level in levels]), strict=True))
    del tests[levels[best]]
    return _Best(levels[best], float(means[levels[best]].mean()), len(means), tests)


def spread(study: Study, runs: pd.DataFrame, parameter: str) -> str:
    """Whether the spread over seeds depends on a parameter: Brown and Forsythe's test within settings.

    One deviation from the median of each configuration is nought by construction (of an even number: equal
    to another) and is left out (Hines and O'Hara Hines 2000). Deviations count relative to the mean of their
    setting of all else, which may have a spread of its own. So 2 to 6 % of equal spreads are called
    different; without the two, hardly any, and few that differ.
    """
    rows = balanced(study, runs, parameter)
    deviations = _deviations(study, rows, parameter)
    groups = {level: deviations[rows[parameter] == level].dropna() for level in study.levels(parameter)}
    groups = {level: group for level, group in groups.items() if len(group) > 1}
    if len(groups) < 2:
        return "Its effect on the spread over seeds cannot be told."
    with np.errstate(divide="ignore", invalid="ignore"):  # no spread of the deviations: p is 0, or no number
        p_value = float(f_oneway(*groups.values()).pvalue)
    if not p_value < SIGNIFICANCE:
        return "The spread over seeds does not depend on it as far as can be told (Brown-Forsythe, 5 %)."
    spreads = [
        f"{percent(_pooled_std(study, rows[rows[parameter] == level]))} at {value(level)}" for level in groups
    ]
    return f"The spread over seeds depends on it: std {', '.join(spreads)} points (Brown-Forsythe, 5 %)."


def _deviations(study: Study, runs: pd.DataFrame, parameter: str) -> pd.Series:
    """Distances from the median of the configuration, relative to their mean over the setting of all else.

    NaN for the least one of every configuration, and where a setting has no spread.
    """
    cells = [runs[name] for name in study.parameters]
    distances = (runs[METRIC] - runs.groupby(cells, dropna=False)[METRIC].transform("median")).abs()
    ranks = distances.groupby(cells, dropna=False).rank(method="first")
    distances = distances.where(ranks > 1)
    others = [column for column in cells if column.name != parameter]
    usual = distances.groupby(others, dropna=False).transform("mean") if others else distances.mean()
    return (distances / usual).replace([np.inf, -np.inf], np.nan)


def _pooled_std(study: Study, runs: pd.DataFrame) -> float:
    """Standard deviation over seeds, pooled over the configurations."""
    variances = runs.groupby(list(study.parameters), dropna=False)[METRIC].var()
    return math.sqrt(variances.mean())


def _cells_that_learned(study: Study, runs: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Runs of those settings of all other parameters whose every run learned."""
    chance = chance_level(study.class_counts) or 0.0
    others = [name for name in study.parameters if name != parameter]
    if not others:
        return runs[runs[METRIC] > chance]
    worst = runs.groupby(others, dropna=False)[METRIC].transform("min")
    return runs[worst > max(chance, LEARNED)]


def _measured(study: Study) -> pd.DataFrame:
    runs = study.finished
    return runs[runs[METRIC].notna()]


def _has_seeds(runs: pd.DataFrame) -> bool:
    return SEED in runs and bool(runs[SEED].notna().any())


def _is_gpu(device: str) -> bool:
    return any(word in device.lower() for word in ("nvidia", "cuda", "gpu", "tesla", "amd instinct"))
