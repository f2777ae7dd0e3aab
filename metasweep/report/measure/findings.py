"""Sentences from the numbers, each with its test (`comparisons`). Pure."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from metasweep.report.base.words import number_of, value
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.choosing.edges import edges, inside
from metasweep.report.measure.comparisons import (
    MOST_LEVELS,
    Claim,
    cells_that_learned,
    claim,
    has_seeds,
    measured,
    spread_claim,
    trend,
)
from metasweep.report.measure.statistics import SIGNIFICANCE, Interval, interval, paired_t, standard_deviation
from metasweep.report.measure.status import outcomes
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import SEED, TEST_SIZE, Study

LR, OPTIMIZER, DROPOUT = "lr", "optimizer", "dp"
EXACT = 1e-9  # a spread below this share of the mean is rounding


@dataclass(frozen=True)
class Finding:
    """One sentence (or two), and the figure that shows it."""

    text: str
    figure: str = ""  # name of the chart


def findings(study: Study) -> list[Finding]:
    """Return all findings, in the order of the questions.

    In a study without any effect, some claim is wrong with a probability of at most 5 %: Holm's correction
    over the questions, each with the smallest corrected p-value of its own comparisons.
    """
    told = [finding for _, finding, _ in _claims(study)]
    if measured(study).empty:
        nothing = f"Nothing can be said: there is no finished run with {with_article(study.reported)}."
        told.append(Finding(nothing))
    return [*told, *cost(study)]


def advice(study: Study) -> list[str]:
    """Return the findings that say where to look further."""
    return [finding.text for kind, finding, _ in _claims(study) if kind == "edges"]


def claimed(study: Study) -> int:
    """Return the number of sentences that claim an effect."""
    return sum(claims for _, _, claims in _claims(study))


@functools.lru_cache(maxsize=2)  # the decision, the findings and the page all ask
def _claims(study: Study) -> list[tuple[str, Finding, bool]]:
    """Return the claims at their levels: the question, the finding, and whether it claims an effect."""
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
    """Return the level of each question, so that all claims together hold at `level` (Holm 1979)."""
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
    runs = measured(study)
    if LR not in study.parameters or runs.empty:
        return []
    if runs[LR].nunique() > MOST_LEVELS:
        return [trend(study, runs, LR)]
    if OPTIMIZER not in study.parameters:
        return [claim(study, runs, LR, "Over all runs", "effects")]
    parts = [(name, runs[runs[OPTIMIZER] == name]) for name in study.levels(OPTIMIZER)]
    return [
        claim(study, part, LR, f"With {value(name)}", "lr-optimizer") for name, part in parts if len(part)
    ]


def dropout(study: Study) -> list[Claim]:
    """Return how dropout changes mean and spread, in settings that learn at all."""
    runs = measured(study)
    if DROPOUT not in study.parameters or runs.empty:
        return []
    if runs[DROPOUT].nunique() > MOST_LEVELS:
        return [trend(study, runs, DROPOUT)]
    learned = cells_that_learned(study, runs, DROPOUT)
    if learned.empty:
        words = "What dropout does cannot be said: no setting learned with every dropout."
        return [Claim(math.nan, lambda _level: words, "effects")]
    chosen = study.reported.is_accuracy and not study.drawn
    where = "Where every run learned (above 50 %)" if chosen else "Over all runs"
    return [claim(study, learned, DROPOUT, where, "effects"), spread_claim(study, learned, DROPOUT)]


def others(study: Study) -> list[Claim]:
    """Return how every other hyper-parameter acts, over all runs."""
    runs = measured(study)
    told = {LR, DROPOUT, *TEST_SIZE}
    names = [name for name in study.parameters if name not in told and runs[name].nunique() > 1]
    return [
        trend(study, runs, name)
        if runs[name].nunique() > MOST_LEVELS
        else claim(study, runs, name, "Over all runs", "effects")
        for name in names
    ]


def edge_claims(study: Study) -> list[Claim]:
    """Return whether the best configuration is on the edge of the grid, and what to try next."""
    found = edges(study)
    if found is None or not study.parameters:
        return []
    if not found[1]:
        said = [functools.partial(_as_it_is, words) for words in inside(study, found[0])]
        return [Claim(math.nan, say, PARALLEL) for say in said]
    return [Claim(edge.p_value, edge.sentence, PARALLEL) for edge in found[1]]


def _as_it_is(words: str, _level: float) -> str:
    """Return words that depend on no test."""
    return words


PARALLEL = "parallel-all"


@dataclass(frozen=True)
class Agreement:
    """How much the metric of the choice and the reported one differ."""

    runs: pd.DataFrame  # those above chance with both
    chance: int  # the number of runs at chance
    by_seed: Interval  # of reported − chosen by, over seeds
    spread: float  # standard deviation over runs
    p_value: float  # of a mean of zero over the seeds; NaN with one, or where all differ by the same


def agreement_of(study: Study) -> Agreement | None:
    """Return the reported metric minus the one chosen by, for runs above chance.

    None if they are the same.
    """
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
    by_seed = differences.groupby(runs[SEED]).mean() if has_seeds(runs) else [differences.mean()]
    over_seeds = interval(by_seed)
    return Agreement(
        runs,
        int(lost.sum()),
        replace(over_seeds, mean=float(differences.mean())),
        standard_deviation(differences),
        math.nan if exact(over_seeds) else paired_t(by_seed, np.zeros(len(by_seed))).p_value,
    )


def exact(difference: Interval) -> bool:
    """Return whether a difference is the same with every seed."""
    return difference.std < EXACT * abs(difference.mean)


def agreement(study: Study) -> list[Claim]:
    """Say how much validation and test differ."""
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
    p_value = found.p_value
    return [
        Claim(p_value, lambda level: f"{_side(study, found.by_seed, p_value < level)}; {about}.", "agreement")
    ]


def _side(study: Study, difference: Interval, differ: bool) -> str:
    """Say whether the reported metric is above the one chosen by. One seed has no interval."""
    mine, theirs = study.metric, study.reported
    mean, width = difference.mean, difference.half_width
    names = f"{theirs.title} and {mine.words}"
    if study.metric.split == "val" and study.reported.split == "test":
        names = "Test and validation"
    if math.isnan(width):
        return f"{names} differ by {theirs.difference(mean)} on average (test less validation)"
    first, _, second = names.partition(" and ")
    side = "above" if mean > 0 else "below"
    if exact(difference):
        return f"{first} lies {theirs.difference(abs(mean))} {side} {second} with every seed"
    shown = f"{theirs.show(mean)} ± {theirs.difference(width)}"
    if not differ:
        return f"{names} do not differ on average as far as can be seen ({shown})"
    shown = f"{theirs.show(abs(mean))} ± {theirs.difference(width)}"
    return f"{first} lies {shown} {side} {second}"


def cost(study: Study) -> list[Finding]:
    """What the search cost."""
    seconds = float(study.runs["runtime_seconds"].fillna(0).sum())
    kinds = ["GPU" if _is_gpu(device) else "CPU-worker" for device in study.runs["device"].unique() if device]
    unit = "/".join(dict.fromkeys(kinds)) or "worker"
    failed = int((outcomes(study) == "failed").sum())
    scale, word = (3600, "hours") if seconds >= 3600 else (60, "minutes")
    amount = f"{seconds / scale:.1f} {unit} {word}"
    figure = "cost" if seconds > 0 else ""
    runs = number_of(len(study.runs), "run")
    text = f"The search cost {amount} in {runs}, of which {failed or 'none'} failed."
    return [Finding(text, figure)]


def _is_gpu(device: str) -> bool:
    return any(word in device.lower() for word in ("nvidia", "cuda", "gpu", "tesla", "amd instinct"))
