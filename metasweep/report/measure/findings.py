"""Sentences made from the numbers, each with the test that it rests on. Pure.

The seeds are the error term: a comparison of two values of a hyper-parameter first averages over everything
else within a seed, then tests the differences over the seeds (paired t; Holm's correction over all pairs).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtr
from scipy.stats import f_oneway, spearmanr

from metasweep.report.base.words import number_of, parameter_name, value
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.edges import edges
from metasweep.report.measure.importance import on_scale
from metasweep.report.measure.statistics import SIGNIFICANCE, Interval, PairedTest, against, interval
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import SEED, TEST_SIZE, Study
from metasweep.sweeps.states import LOST

LEARNED = 0.5  # accuracy that every run of a setting must exceed for dropout to be judged there
LR, OPTIMIZER, DROPOUT = "lr", "optimizer", "dp"
MOST_LEVELS = 12  # of a parameter whose values are compared with each other


@dataclass(frozen=True)
class Finding:
    """One sentence (or two), and the figure that shows it."""

    text: str
    figure: str = ""  # name of the chart


@dataclass(frozen=True)
class Claim:
    """What can be said of one question, at any level of significance."""

    p_value: float  # the smallest that it rests on, corrected for its own comparisons; NaN without a test
    say: Callable[[float], str]
    figure: str = ""


def findings(study: Study) -> list[Finding]:
    """All that can be told, in the order of the questions.

    All claims together are wrong in at most 5 % of studies without any effect: Holm's correction over the
    questions, each with the smallest p-value of its own, corrected comparisons.
    """
    told = [finding for _, finding, _ in _told(study)]
    if _measured(study).empty:
        nothing = f"Nothing can be told: there is no finished run with {with_article(study.reported)}."
        told.append(Finding(nothing))
    return [*told, *cost(study)]


def advice(study: Study) -> list[str]:
    """Those of the findings that say where to look further."""
    return [finding.text for kind, finding, _ in _told(study) if kind == "edges"]


def claimed(study: Study) -> int:
    """The number of sentences that claim an effect: what may be wrong in 5 % of studies without any."""
    return sum(claims for _, _, claims in _told(study))


@functools.lru_cache(maxsize=2)  # the decision, the findings and the page ask
def _told(study: Study) -> list[tuple[str, Finding, bool]]:
    """The claims at their levels, each with what it is about and whether it claims an effect."""
    makers = {
        "learning rates": learning_rates,
        "dropout": dropout,
        "others": others,
        "edges": edge_claims,
        "agreement": agreement,
    }
    claims = [(kind, claim) for kind, make in makers.items() for claim in make(study)]
    levels = step_down([claim.p_value for _, claim in claims])
    return [
        (kind, Finding(claim.say(level), claim.figure), claim.p_value < level)
        for (kind, claim), level in zip(claims, levels, strict=True)
    ]


def with_article(metric: Quantity) -> str:
    """`a test accuracy`, `an episode reward`."""
    return f"{'an' if metric.words[:1].lower() in 'aeiou' else 'a'} {metric.words}"


def step_down(p_values: Sequence[float], level: float = SIGNIFICANCE) -> list[float]:
    """The level of each of several questions, so that all claims together hold at `level` (Holm 1979)."""
    tested = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    levels = [level] * len(p_values)
    held = math.inf
    for rank, (p, index) in enumerate(tested):
        own = min(level / (len(tested) - rank), held)
        if held == math.inf and not p < own:
            held = own  # from here on nothing is claimed
        levels[index] = own
    return levels


def learning_rates(study: Study) -> list[Claim]:
    """Which learning rates work, for each optimizer."""
    runs = _measured(study)
    if LR not in study.parameters or runs.empty:
        return []
    if OPTIMIZER not in study.parameters:
        return [claim(study, runs, LR, "Over all runs", "effects")]
    parts = [(name, runs[runs[OPTIMIZER] == name]) for name in study.levels(OPTIMIZER)]
    return [
        claim(study, part, LR, f"With {value(name)}", "lr-optimizer") for name, part in parts if len(part)
    ]


def dropout(study: Study) -> list[Claim]:
    """What dropout does to the mean and to the spread, where learning works at all."""
    runs = _measured(study)
    if DROPOUT not in study.parameters or runs.empty:
        return []
    learned = _cells_that_learned(study, runs, DROPOUT)
    if learned.empty:
        words = "What dropout does cannot be told: no setting learned with every dropout."
        return [Claim(math.nan, lambda _level: words, "effects")]
    where = "Where every run learned (above 50 %)" if study.reported.is_accuracy else "Over all runs"
    return [claim(study, learned, DROPOUT, where, "effects"), spread_claim(study, learned, DROPOUT)]


def others(study: Study) -> list[Claim]:
    """What every other hyper-parameter does, over all runs."""
    runs = _measured(study)
    told = {LR, DROPOUT, *TEST_SIZE}
    names = [name for name in study.parameters if name not in told and runs[name].nunique() > 1]
    return [
        trend(study, runs, name)
        if runs[name].nunique() > MOST_LEVELS
        else claim(study, runs, name, "Over all runs", "effects")
        for name in names
    ]


def edge_claims(study: Study) -> list[Claim]:
    """Whether the best configuration lies on the edge of the grid, and what to try next."""
    found = edges(study)
    if found is None or not study.parameters:
        return []
    if not found[1]:
        words = f"{found[0]} lies on no edge of the grid."
        return [Claim(math.nan, lambda _level: words, PARALLEL)]
    return [Claim(edge.p_value, edge.sentence, PARALLEL) for edge in found[1]]


PARALLEL = "parallel-all"


@dataclass(frozen=True)
class Agreement:
    """How far the metric of the choice and what is reported disagree."""

    runs: pd.DataFrame  # those above chance with both
    chance: int  # how many are at chance
    by_seed: Interval  # of reported − chosen by, over seeds
    spread: float  # standard deviation over runs


def agreement_of(study: Study) -> Agreement | None:
    """Reported less chosen by, of the runs above chance; None where there are not two metrics or no runs."""
    if study.reported == study.metric:
        return None
    mine, theirs = study.metric.column, study.reported.column
    runs = study.finished.dropna(subset=[mine, theirs])
    chance = chance_of(study)
    lost = runs[theirs] <= chance if chance is not None else pd.Series(False, index=runs.index)
    runs = runs[~lost]
    if runs.empty:
        return None
    differences = runs[theirs] - runs[mine]
    by_seed = differences.groupby(runs[SEED]).mean() if _has_seeds(runs) else [differences.mean()]
    over_seeds = interval(by_seed)
    return Agreement(
        runs, int(lost.sum()), replace(over_seeds, mean=float(differences.mean())), float(differences.std())
    )


def agreement(study: Study) -> list[Claim]:
    """How far validation and test disagree."""
    found = agreement_of(study)
    if found is None or len(found.runs) < 3:
        return []
    mine, theirs = study.metric, study.reported
    varied = found.runs[mine.column].nunique() > 1 and found.runs[theirs.column].nunique() > 1
    rank = (
        f"{spearmanr(found.runs[mine.column], found.runs[theirs.column]).statistic:.3f}"
        if varied
        else "not defined"
    )
    above = "" if chance_of(study) is None else " above chance"
    spread_words = f"single runs differ by {theirs.difference(found.spread)} (std)"
    about = f"{spread_words}, rank correlation {rank}, {number_of(len(found.runs), 'run')}{above}"
    p_value = _p_of_mean(found.by_seed)
    return [
        Claim(p_value, lambda level: f"{_side(study, found.by_seed, p_value < level)}; {about}.", "agreement")
    ]


def _p_of_mean(found: Interval) -> float:
    """Two-sided, that a mean over seeds is nought."""
    if found.n < 2:
        return math.nan
    if not found.std > 0:
        return 1.0 if found.mean == 0 else math.nan
    t = abs(found.mean) / (found.std / math.sqrt(found.n))
    return float(2 * stdtr(found.n - 1, -t))


def _side(study: Study, difference: Interval, differ: bool) -> str:
    """Whether what is reported lies above what was chosen by; one seed has no interval."""
    mine, theirs = study.metric, study.reported
    mean, width = difference.mean, difference.half_width
    names = f"{theirs.title} and {mine.words}"
    if study.metric.split == "val" and study.reported.split == "test":
        names = "Test and validation"
    if math.isnan(width):
        return f"{names} differ by {theirs.difference(mean)} on average (test less validation)"
    shown = f"{theirs.show(mean)} ± {theirs.difference(width)}"
    if not differ:
        return f"{names} do not differ on average as far as can be told ({shown})"
    first, _, second = names.partition(" and ")
    shown = f"{theirs.show(abs(mean))} ± {theirs.difference(width)}"
    return f"{first} lies {shown} {'above' if mean > 0 else 'below'} {second}"


def cost(study: Study) -> list[Finding]:
    """What the search cost."""
    seconds = float(study.runs["runtime_seconds"].fillna(0).sum())
    kinds = ["GPU" if _is_gpu(device) else "CPU-worker" for device in study.runs["device"].unique()]
    unit = "/".join(dict.fromkeys(kinds)) or "worker"
    failed = int(study.runs["state"].isin(LOST).sum())
    scale, word = (3600, "hours") if seconds >= 3600 else (60, "minutes")
    amount = f"{seconds / scale:.1f} {unit} {word}"
    figure = "cost" if seconds > 0 else ""
    text = f"The search cost {amount} in {number_of(len(study.runs), 'run')}, of which {failed} failed."
    return [Finding(text, figure)]


def seed_means(study: Study, runs: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Mean over everything else: one row per seed, one column per value of the parameter."""
    rows = runs if _has_seeds(runs) else runs.assign(**{SEED: 0})
    column = study.reported.column
    means = rows.groupby([SEED, parameter], observed=True)[column].mean()
    return means.unstack()


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


def claim(study: Study, runs: pd.DataFrame, parameter: str, where: str, figure: str) -> Claim:
    """The comparison of the values of a parameter."""
    found = _best(study, runs, parameter) if runs[parameter].nunique() > 1 else None
    p_values = [] if found is None else [test.p_value for test in found.tests.values()]
    known = [p for p in p_values if not math.isnan(p)]
    return Claim(
        min(known, default=math.nan), lambda level: compare(study, runs, parameter, where, level), figure
    )


def compare(study: Study, runs: pd.DataFrame, parameter: str, where: str, level: float = SIGNIFICANCE) -> str:
    """The best value of a parameter, which others are as good, and which are worse."""
    name, metric = parameter_name(parameter), study.reported
    if runs[parameter].nunique() < 2:
        return f"{where} there is only {name} {value(runs[parameter].iloc[0])}." if len(runs) else ""
    found = _best(study, runs, parameter)
    if found is None:
        return f"{where} it cannot be told which {name} is best: no setting was run with all its values."
    top, mean, seeds, tests = found
    reached = f"{metric.amount(mean)} {metric.words}"
    head = f"{where}, {name} {value(top)} is best on average ({reached})"
    if seeds < 2:
        return f"{head}; one seed cannot tell whether by more than chance."
    worse = [item for item, test in tests.items() if test.p_value < level]
    alike = ", ".join(value(item) for item in tests if item not in worse)
    tested = f"paired t over {seeds} seeds, Holm, 5 %"
    if not worse:
        return f"{where}, {name} {value(top)} ({reached}) cannot be told apart from {alike} ({tested})."
    losses = ", ".join(f"{value(item)} by {metric.show(abs(tests[item].difference))}" for item in worse)
    unit = metric.difference(0.0).partition(" ")[2]
    rest = f"; not to be told apart from it: {alike}" if alike else ""
    return f"{head}; it beats {losses}{' ' + unit if unit else ''}{rest} ({tested})."


def trend(study: Study, runs: pd.DataFrame, parameter: str) -> Claim:
    """Whether a parameter of many values goes with the metric: Spearman's rank correlation."""
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
            return f"Over all runs, {metric.words} does not go with {name} as far as can be told ({about})."
        better = "larger" if rank * metric.sign > 0 else "smaller"
        return f"Over all runs, {better} {name} goes with better {metric.words} ({about})."

    return Claim(p_value, say, "effects")


def best_by(study: Study, runs: pd.DataFrame, parameter: str, by: Sequence[str]) -> str:
    """Which value of a parameter is best at every value of others, with those not to be told from it."""
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
        return f"Which {shown} is best at which {names} cannot be told."
    return f"Best {shown} by {names}, in brackets what is not to be told apart from it: {'; '.join(parts)}."


class _Best(NamedTuple):
    value: Hashable
    mean: float
    seeds: int
    tests: dict[Hashable, PairedTest]  # against every other value


def _best(study: Study, runs: pd.DataFrame, parameter: str) -> _Best | None:
    """The best value of a parameter over balanced runs; None when no setting has all values."""
    rows = balanced(study, runs, parameter)
    if rows.empty:
        return None
    means = seed_means(study, rows, parameter)
    levels = [level for level in study.levels(parameter) if level in means.columns]
    if not levels:
        return None
    sign = study.reported.sign
    best = max(range(len(levels)), key=lambda index: sign * means[levels[index]].mean())
    tests = dict(zip(levels, against(best, [means[level] for level in levels]), strict=True))
    del tests[levels[best]]
    return _Best(levels[best], float(means[levels[best]].mean()), len(means), tests)


def spread_claim(study: Study, runs: pd.DataFrame, parameter: str) -> Claim:
    """The test of `spread`."""
    return Claim(
        _spread_test(study, runs, parameter)[0],
        lambda level: spread(study, runs, parameter, level),
        "effects",
    )


def spread(study: Study, runs: pd.DataFrame, parameter: str, level: float = SIGNIFICANCE) -> str:
    """Whether the spread over seeds depends on a parameter: Brown and Forsythe's test within settings.

    One deviation from the median of each configuration is nought by construction (of an even number: equal
    to another) and is left out (Hines and O'Hara Hines 2000). Deviations count relative to the mean of their
    setting of all else, which may have a spread of its own. So 2 to 6 % of equal spreads are called
    different; without the two, hardly any, and few that differ.
    """
    p_value, rows = _spread_test(study, runs, parameter)
    name = parameter_name(parameter)
    if math.isnan(p_value):
        return f"The effect of {name} on the spread over seeds cannot be told."
    if not p_value < level:
        return f"The spread over seeds does not depend on {name} as far as can be told (Brown-Forsythe, 5 %)."
    spreads = [
        f"{study.reported.show(_pooled_std(study, rows[rows[parameter] == item]))} at {value(item)}"
        for item in study.levels(parameter)
        if (rows[parameter] == item).any()
    ]
    unit = study.reported.difference(0.0).partition(" ")[2]
    unit = f" {unit}" if unit else ""
    return f"The spread over seeds depends on {name}: std {', '.join(spreads)}{unit} (Brown-Forsythe, 5 %)."


def _spread_test(study: Study, runs: pd.DataFrame, parameter: str) -> tuple[float, pd.DataFrame]:
    """The p-value of that test, NaN where there is none, and the runs that it looked at."""
    rows = balanced(study, runs, parameter)
    if rows.empty:
        return math.nan, rows
    deviations = _deviations(study, rows, parameter)
    groups = [deviations[rows[parameter] == level].dropna() for level in study.levels(parameter)]
    groups = [group for group in groups if len(group) > 1]
    if len(groups) < 2:
        return math.nan, rows
    with np.errstate(divide="ignore", invalid="ignore"):  # no spread of the deviations: p is 0, or no number
        p_value = float(f_oneway(*groups).pvalue)
    return (1.0 if math.isnan(p_value) else p_value), rows


def _deviations(study: Study, runs: pd.DataFrame, parameter: str) -> pd.Series:
    """Distances from the median of the configuration, relative to their mean over the setting of all else.

    NaN for the least one of every configuration, and where a setting has no spread.
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
    variances = runs.groupby(list(study.parameters), dropna=False)[study.reported.column].var()
    return math.sqrt(variances.mean())


def _cells_that_learned(study: Study, runs: pd.DataFrame, parameter: str) -> pd.DataFrame:
    """Runs of those settings of all other parameters whose every run learned; all where it is no accuracy."""
    if not study.reported.is_accuracy:
        return runs
    chance, column = chance_of(study) or 0.0, study.reported.column
    others = [name for name in study.parameters if name != parameter]
    if not others:
        return runs[runs[column] > chance]
    worst = runs.groupby(others, dropna=False)[column].transform("min")
    return runs[worst > max(chance, LEARNED)]


def _measured(study: Study) -> pd.DataFrame:
    runs = study.finished
    return runs[runs[study.reported.column].notna()]


def _has_seeds(runs: pd.DataFrame) -> bool:
    return SEED in runs and bool(runs[SEED].notna().any())


def _is_gpu(device: str) -> bool:
    return any(word in device.lower() for word in ("nvidia", "cuda", "gpu", "tesla", "amd instinct"))
