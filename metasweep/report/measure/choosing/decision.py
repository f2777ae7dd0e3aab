"""Which configuration to take, how sure that is, and what it would cost to be surer. Pure.

The probability that a configuration is the best of its grid is empirical Bayes. The true means of the
contenders are assumed to come from one normal distribution, whose mean and spread are those of the measured
means minus the noise (a normal prior with estimated moments; Efron and Morris 1975). The noise is what
remains after the means of configuration and seed, pooled over the contenders. So the winner of many equal
configurations is not taken for the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from metasweep.report.base.words import number_of
from metasweep.report.measure.choosing.configurations import (
    Configuration,
    best,
    complete,
    configurations,
    expected_seeds,
)
from metasweep.report.measure.choosing.edges import in_words
from metasweep.report.measure.statistics import Interval, interval, paired_t, seeds_to_show
from metasweep.report.read.study import SEED, Study
from metasweep.sweeps.points import is_grid

DRAWS = 20_000
REACH = 0.999  # of Student's t; configurations further from the best than this are not contenders
LIKELY = 0.05  # from this probability another configuration is named as a rival
SURE = 0.95


@dataclass(frozen=True)
class Rival:
    """Another configuration that may be the best."""

    configuration: Configuration
    probability: float
    seeds: int | None  # seeds to tell it from the winner, if the measured difference is true; None: > 1,000


@dataclass(frozen=True)
class Decision:
    """The configuration to take, by the metric of the sweep."""

    winner: Configuration
    words: str  # its parameters
    among: int  # that it is the best of them; NaN without several seeds
    chosen_by: Interval
    reported: Interval
    probability: float  # the most probable first
    rivals: tuple[Rival, ...]  # the likeliest first
    seeds: int  # on which the comparison is based


def decide(study: Study, method: str = "t", confidence: float = 0.95) -> Decision | None:
    """The decision; None when no configuration has finished.

    Args:
        study: all its runs.
        method: of the intervals.
        confidence: their coverage.
    """
    candidates = complete(configurations(study), expected_seeds(study))
    if not candidates:
        return None
    metric = study.metric
    winner = best(candidates, metric, 1)[0]
    table = seed_table(candidates, metric.column) * metric.sign
    index = candidates.index(winner)
    shares = probabilities(table, index)
    ranked = sorted(range(len(candidates)), key=lambda other: -shares[other])
    rivals = [other for other in ranked if other != index and shares[other] >= LIKELY]
    sample = winner.runs[study.reported.column].dropna()
    return Decision(
        winner=winner,
        words=in_words(winner.values),
        among=len(candidates),
        chosen_by=interval(winner.runs[metric.column], method, confidence),
        reported=interval(sample, method, confidence),
        probability=float(shares[index]),
        rivals=tuple(_rival(table, index, other, candidates, shares) for other in rivals),
        seeds=table.shape[1],
    )


def seed_table(candidates: Sequence[Configuration], column: str) -> NDArray[np.float64]:
    """Return the metric, shape [configurations, seeds], for seeds that all have; without seeds, by run."""
    if SEED in candidates[0].runs and candidates[0].runs[SEED].notna().any():
        series = [each.by_seed(column) for each in candidates]
        common = set.intersection(*(set(values.index) for values in series))
        order = [seed for seed in series[0].index if seed in common]
        return np.array([values.loc[order].to_numpy(dtype=float) for values in series])
    fewest = min(len(each.runs) for each in candidates)
    return np.array([each.runs[column].to_numpy(dtype=float)[:fewest] for each in candidates])


def probabilities(table: NDArray[np.float64], winner: int) -> NDArray[np.float64]:
    """Return the probability of each configuration to be the best; NaN if there are fewer than two seeds.

    Args:
        table: large is good, shape [configurations, seeds].
        winner: the one with the largest mean.
    """
    count, n = table.shape
    if count == 1:
        return np.ones(1)
    if n < 2:
        return np.full(count, np.nan)
    means = table.mean(axis=1)
    spread = (table[winner] - table).std(axis=1, ddof=1) / math.sqrt(n)
    within = means[winner] - means <= float(stdtrit(n - 1, REACH)) * spread
    within[winner] = True
    found = np.zeros(count)
    found[within] = _shares(table[within])
    return found


def _shares(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how often each contender is the best in random draws of their true means."""
    count, n = table.shape
    if count == 1:
        return np.ones(1)
    means = table.mean(axis=1)
    left = table - means[:, None] - table.mean(axis=0) + table.mean()
    freedom = (count - 1) * (n - 1)
    noise = float((left**2).sum()) / freedom / n
    between = max(0.0, float(means.var(ddof=1)) - noise)
    kept = between / (between + noise) if between + noise > 0 else 0.0
    if not kept > 0:
        return np.full(count, 1 / count)  # there is no difference between them
    rng = np.random.default_rng(0)
    tops = np.zeros(count)
    for _ in range(10):  # in parts, since there may be thousands of contenders
        draws = DRAWS // 10
        variance = kept * noise * freedom / rng.chisquare(freedom, draws)
        centre = means.mean() + kept * (means - means.mean())
        drawn = centre + np.sqrt(variance)[:, None] * rng.standard_normal((draws, count))
        tops += np.bincount(drawn.argmax(axis=1), minlength=count)
    return tops / tops.sum()


def _rival(
    table: NDArray[np.float64],
    winner: int,
    other: int,
    candidates: Sequence[Configuration],
    shares: NDArray[np.float64],
) -> Rival:
    test = paired_t(table[winner], table[other])
    std = float((table[winner] - table[other]).std(ddof=1)) if table.shape[1] > 1 else math.nan
    seeds = seeds_to_show(test.difference, std)
    return Rival(candidates[other], float(shares[other]), seeds)


def sentences(study: Study, found: Decision) -> list[str]:
    """Return the decision in sentences fit for a thesis, each with its method."""
    return [_take(study, found), *_how_sure(study, found), *_what_it_costs(found)]


def _take(study: Study, found: Decision) -> str:
    metric, reported = study.metric, study.reported
    of = f"Take {found.words}: the best of {number_of(found.among, 'configuration')} by mean {metric.words}"
    if found.among == 1:
        of = "Only one configuration has finished" + (f": {found.words}" if found.words else "")
    mean = reported.amount(found.reported.mean)
    if found.reported.n > 1:
        width = reported.show(found.reported.half_width)
        mean = f"{reported.show(found.reported.mean)} ± {width}{reported.after}"
    seeds = f"over {number_of(found.reported.n, 'seed' if study.seed else 'run')}"
    reaches = f"It reaches {mean} {reported.words} {seeds}"
    return f"{of}. {reaches}."


def _how_sure(study: Study, found: Decision) -> list[str]:
    if found.among == 1:
        return []
    if math.isnan(found.probability):
        needs = "one seed cannot tell" if study.seed else "without repetitions nothing can tell"
        return [f"How sure that is: {needs}. Add seeds: table --confirm writes such sweeps."]
    chance = _percent(found.probability)
    whole = "the grid" if all(is_grid(sweep.config) for sweep in study.sweeps) else "them"
    of = f"It is the best of {whole} with probability {chance} (empirical Bayes over {found.seeds} seeds)"
    if not found.rivals:
        return [f"{of}."]
    rival = found.rivals[0]
    named = f"the likeliest other is {in_words(rival.configuration.values)} ({_percent(rival.probability)})"
    return [f"{of}; {named}."]


def _percent(probability: float) -> str:
    if probability > 0.99:
        return "above 99 %"
    return "below 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"


def _what_it_costs(found: Decision) -> list[str]:
    if found.among == 1 or math.isnan(found.probability) or found.probability >= SURE or not found.rivals:
        return []
    rival = found.rivals[0]
    pair = "Telling these two apart"
    if rival.seeds is None:
        return [f"{pair} would take more than 1,000 seeds: take whichever is cheaper."]
    more = max(0, rival.seeds - found.seeds)
    if more == 0:
        return [f"{pair} should have been possible with these seeds: rerun both on fresh ones to confirm."]
    seconds = float(
        found.winner.runs["runtime_seconds"].mean() + rival.configuration.runs["runtime_seconds"].mean()
    )
    cost = f", some {_duration(more * seconds)} of work" if seconds > 0 else ""
    return [
        f"{pair} takes {number_of(rival.seeds, 'seed')} of each, if the difference is what it seems "
        f"(paired t, 80 % power): {more:,} more of each{cost}; "
        "table --confirm writes such sweeps."
    ]


def _duration(seconds: float) -> str:
    for size, word in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.0f} seconds"
