"""Which configuration to take, how sure that is, and what it would cost to be surer. Pure.

The probability that a configuration is the best of its grid is nonparametric empirical Bayes (Robbins 1956).
Contenders are the configurations that may be the best.

1. The noise of a contender is the variance that is left without its own mean and the mean of each seed.
   Variances that seem alike are moved towards each other (Smyth 2004).
2. The true means are taken as drawn from one distribution. EM steps (Kiefer and Wolfowitz 1956) find it from
   the measured means. They start at the normal distribution whose variance is that of the measured means
   without the noise; it also counts as one more contender.
3. Each contender is judged by the distribution of the others.

So the best of many equal configurations, or of many that are close to it, is not called the best with
confidence.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtri, digamma, polygamma, stdtrit

from metasweep.report.base.words import duration, number_of
from metasweep.report.measure.choosing.configurations import (
    Configuration,
    best,
    complete,
    configurations,
    expected_seeds,
)
from metasweep.report.measure.choosing.edges import in_words, searched
from metasweep.report.measure.statistics import (
    Interval,
    interval,
    paired_t,
    scale_of,
    seeds_to_show,
    standard_deviation,
)
from metasweep.report.read.study import SEED, Study

NOISES, POINTS, STEPS = 5, 150, 60  # sizes of the noise, values of a true mean, and steps that are tried
MOST_POINTS = 1500  # where contenders differ much in noise; otherwise four values for each standard error
ROUNDS = 4  # of the steps that find weights and noise of the contenders, which depend on each other
EVEN = 0.01  # the part of the weights that is equal for all, so that no contender gets all the weight
LEAST_EXCESS = 1e4  # if half the prior degrees of freedom exceed this, all variances count as equal
HOPELESS = 12.0  # standard errors below the best; lower true means are treated as this one
REACH = 0.999  # of Student's t: configurations further from the best than this are no contenders
LIKELY = 0.05  # probability from which another configuration is named as a rival
SURE = 0.95
CROWD = 24  # contenders from which the probability was seen to be too high (docs/statistics.md)


@dataclass(frozen=True)
class Rival:
    """Another configuration that may be the best."""

    configuration: Configuration
    probability: float
    seeds: int | None
    """How many show it to be worse than the winner, if the difference is as measured; None: over 1,000."""


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
    close: int  # how many are within its reach, itself included


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
        close=int((shares > 0).sum()),
    )


def seed_table(candidates: Sequence[Configuration], column: str) -> NDArray[np.float64]:
    """Return the metric, shape [configurations, seeds], for seeds that all have; without such, by run."""
    series = [each.by_seed(column) for each in candidates]
    common = set.intersection(*(set(values.index) for values in series))
    if SEED in candidates[0].runs and len(common) > 1:
        order = [seed for seed in series[0].index if seed in common]
        by_seed = [dict(values.items()) for values in series]
        return np.array([[values[seed] for seed in order] for values in by_seed], dtype=float)
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
    table = table / scale_of(table)  # probabilities have no unit
    means = table.mean(axis=1)
    spread = (table[winner] - table).std(axis=1, ddof=1) / math.sqrt(n)
    within = means[winner] - means <= float(stdtrit(n - 1, REACH)) * spread
    within[winner] = True
    found = np.zeros(count)
    found[within] = _shares(table[within])
    return found


def _shares(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each contender to be the best, averaged over possible sizes of the noise."""
    (count, seeds), means = table.shape, table.mean(axis=1)
    if count == 1:
        return np.ones(1)
    variances, freedom = noise_of(table)
    if not (variances > 0).all():
        top = means == means.max()
        return top / top.sum()
    sizes = freedom / chdtri(freedom, (np.arange(NOISES) + 0.5) / NOISES)
    found = [_of_the_top(_true_means(means, np.sqrt(size * variances / seeds))) for size in sizes]
    return np.mean(found, axis=0)


def noise_of(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The variance over seeds of each contender, and its degrees of freedom.

    It is what is left without the mean of the contender and the mean of the seed. In the mean of the seed the
    weight of a contender is 1 / variance: else one that diverges with some seeds would make all seem noisy.
    """
    count, seeds = table.shape
    centred = table - table.mean(axis=1, keepdims=True)
    weights = np.full(count, 1 / count)
    for _ in range(ROUNDS):
        squares = ((centred - weights @ centred) ** 2).sum(axis=1) / (1 - weights)
        variances, freedom = moderated(squares / (seeds - 1), seeds - 1)
        if not (variances > 0).all():
            break
        weights = (1 - EVEN) / variances / (1 / variances).sum() + EVEN / count
    return variances, min(freedom, (count - 1) * (seeds - 1))


def moderated(variances: NDArray[np.float64], freedom: int) -> tuple[NDArray[np.float64], float]:
    """Return variances moved towards each other, more if they are alike; and their degrees of freedom.

    Empirical Bayes (Smyth 2004): the true variances are taken as drawn from a scaled inverse chi-square
    distribution, which is estimated from the logarithms of the measured ones. If these differ by no more than
    chance, the result is their mean for all.

    Args:
        variances: measured.
        freedom: degrees of freedom of each.
    """
    known = variances[variances > 0]
    logs = np.log(known) - digamma(freedom / 2) + math.log(freedom / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, freedom / 2)) if len(known) > 1 else 0.0
    if not excess > polygamma(1, LEAST_EXCESS):
        return np.full(len(variances), variances.mean()), freedom * len(variances)
    prior = 2 * brentq(lambda half: polygamma(1, half) - excess, 1e-9, LEAST_EXCESS)
    centre = math.exp(logs.mean() + digamma(prior / 2) - math.log(prior / 2))
    return (prior * centre + freedom * variances) / (prior + freedom), prior + freedom


def _true_means(means: NDArray[np.float64], noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities of the possible values of each true mean, a row per contender.

    Args:
        means: measured, shape [contenders].
        noise: standard error of each.
    """
    count, widest = len(means), float(noise.max())
    low = max(means.min(), means.max() - HOPELESS * widest) - widest
    high = means.max() + widest
    points = min(MOST_POINTS, max(POINTS, math.ceil(4 * (high - low) / noise.min())))
    values = np.linspace(low, high, points)
    distances = ((means[:, None] - values) / noise[:, None]) ** 2
    likelihood = np.exp((distances.min(axis=1, keepdims=True) - distances) / 2)
    between = max(float(means.var(ddof=1) - (noise**2).mean()), (0.1 * float(noise.min())) ** 2)
    start = np.exp(-((values - means.mean()) ** 2) / between / 2) + 1e-12
    start /= start.sum()
    prior = start
    for _ in range(STEPS):
        found = likelihood * prior
        found /= found.sum(axis=1, keepdims=True)
        prior = (start + found.sum(axis=0)) / (count + 1)
    found = likelihood * (start + found.sum(axis=0) - found)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def _of_the_top(chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each row to be the largest. Rows are independent values on one grid.

    A value lies anywhere in the cell of its grid point, with even probability. The integral over the cell is
    computed by the Gauss-Legendre rule.
    """
    below = np.cumsum(chances, axis=1) - chances
    places, weights = np.polynomial.legendre.leggauss(8)
    shares = np.zeros(len(chances))
    for place, weight in zip((places + 1) / 2, weights, strict=True):
        logs = np.log(np.maximum(below + place * chances, 1e-300))
        shares += weight * (chances * np.exp(logs.sum(axis=0) - logs)).sum(axis=1)
    return shares / shares.sum()


def _rival(
    table: NDArray[np.float64],
    winner: int,
    other: int,
    candidates: Sequence[Configuration],
    shares: NDArray[np.float64],
) -> Rival:
    test = paired_t(table[winner], table[other])
    std = standard_deviation(table[winner] - table[other])
    seeds = seeds_to_show(test.difference, std)
    return Rival(candidates[other], float(shares[other]), seeds)


def sentences(study: Study, found: Decision) -> list[str]:
    """Return the decision in sentences fit for a thesis, each with its method."""
    return [_take(study, found), *_how_sure(study, found), *_what_it_costs(study, found)]


def _take(study: Study, found: Decision) -> str:
    metric, reported = study.metric, study.reported
    of = f"Take {found.words}: the best of {number_of(found.among, 'configuration')} by mean {metric.words}"
    if found.among == 1:
        has = "has finished" if len(configurations(study)) == 1 else "has all its seeds"
        of = f"Only one configuration {has}" + (f": {found.words}" if found.words else "")
    mean = reported.amount(found.reported.mean)
    if found.reported.n > 1:
        width = reported.show(found.reported.half_width)
        mean = f"{reported.show(found.reported.mean)} ± {width}{reported.after}"
    if not found.reported.n:
        chosen = f"It reaches {metric.amount(found.chosen_by.mean)} {metric.words}"
        return f"{of}. {chosen}; none of its runs has logged {reported.name}."
    seeds = f"over {number_of(found.reported.n, 'seed' if study.seed else 'run')}"
    reaches = f"It reaches {mean} {reported.words} {seeds if found.reported.n > 1 else 'in one run'}"
    others = f" It is chosen by {metric.words} alone: the other objectives are under Trade-offs."
    return f"{of}. {reaches}.{others if len(study.objectives) > 1 else ''}"


def _how_sure(study: Study, found: Decision) -> list[str]:
    if found.among == 1:
        return []
    if math.isnan(found.probability):
        if not study.seed:
            return ["How sure that is: without repetitions nothing shows it. Add a parameter seed."]
        return ["How sure that is: one seed cannot show it. Add seeds: table --confirm writes such sweeps."]
    chance = _percent(found.probability)
    by = f"(empirical Bayes over {found.seeds} seeds)"
    measured = len(configurations(study))
    whole = (
        searched(study) if found.among == measured else f"these {found.among} (of {measured} that have runs)"
    )
    of = f"It is the best of {whole} with probability {chance} {by}"
    if found.close >= CROWD:
        of += f", or less: {found.close} configurations are close, and with so many the estimate is too high"
    if not found.rivals:
        return [f"{of}."]
    rival = found.rivals[0]
    named = f"the likeliest other is {in_words(rival.configuration.values)} ({_percent(rival.probability)})"
    return [f"{of}; {named}."]


def _percent(probability: float) -> str:
    if probability > 0.99:
        return "above 99 %"
    return "below 1 %" if probability < 0.01 else f"{100 * probability:.0f} %"


def _what_it_costs(study: Study, found: Decision) -> list[str]:
    if found.among == 1 or math.isnan(found.probability) or found.probability >= SURE or not found.rivals:
        return []
    rival = found.rivals[0]
    pair = f"Telling these two apart by {study.metric.words}"
    if rival.seeds is None:
        return [f"{pair} would take more than 1,000 seeds: take whichever is cheaper."]
    more = max(0, rival.seeds - found.seeds)
    if more == 0:
        return [f"{pair} should have been possible with these seeds: rerun both on fresh ones to confirm."]
    seconds = float(
        found.winner.runs["runtime_seconds"].mean() + rival.configuration.runs["runtime_seconds"].mean()
    )
    cost = f", some {duration(more * seconds)} of work" if seconds > 0 else ""
    return [
        f"{pair} takes {number_of(rival.seeds, 'seed')} of each, if the difference is what it seems "
        f"(paired t, 80 % power): {more:,} more of each{cost}; "
        f"table --confirm --fresh {more} writes such sweeps."
    ]
