"""Sentences made from the numbers, each with the test that it rests on. Pure.

The seeds are the error term: a comparison of two values of a hyper-parameter first averages over everything
else within a seed, then tests the differences over the seeds (paired t; Holm where there are several).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import levene, spearmanr

from analysis.baselines import chance_level
from analysis.edges import edge_sentences
from analysis.rendering import percent, value
from analysis.statistics import PairedTest, holm, interval, paired_t
from analysis.study import SEED, Study

SIGNIFICANCE = 0.05
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
    found = [*learning_rates(study), *dropout(study), *edges(study), *agreement(study), *cost(study)]
    return found or [Finding("Nothing can be told yet: there is no finished run with a test accuracy.")]


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
    difference = interval(runs["val_acc"] - runs[METRIC])
    side = "above" if difference.mean > 0 else "below"
    told = abs(difference.mean) > difference.half_width
    rank = spearmanr(runs["val_acc"], runs[METRIC]).statistic
    width = percent(difference.half_width)
    verdict = (
        f"Validation lies {percent(abs(difference.mean))} ± {width} points {side} test"
        if told
        else f"Validation and test do not differ on average ({percent(difference.mean)} ± {width} points)"
    )
    above = "" if chance is None else " above chance"
    spread = f"single runs differ by {percent(difference.std)} points (std)"
    return [
        Finding(f"{verdict}; {spread}, rank correlation {rank:.3f}, {len(runs)} runs{above}.", "agreement")
    ]


def cost(study: Study) -> list[Finding]:
    """What the search cost."""
    seconds = float(study.runs["runtime_seconds"].fillna(0).sum())
    kinds = ["GPU" if _is_gpu(device) else "CPU-worker" for device in study.runs["device"].unique()]
    unit = "/".join(dict.fromkeys(kinds)) or "worker"
    failed = int(study.runs["state"].isin(["failed", "crashed", "killed"]).sum())
    scale, word = (3600, "hours") if seconds >= 3600 else (60, "minutes")
    amount = f"{seconds / scale:.1f} {unit} {word}"
    return [Finding(f"The search cost {amount} in {len(study.runs)} runs, of which {failed} failed.", "cost")]


def seed_means(runs: pd.DataFrame, parameter: str, metric: str = METRIC) -> pd.DataFrame:
    """Mean over everything else: one row per seed, one column per value of the parameter."""
    rows = runs if SEED in runs else runs.assign(**{SEED: 0})
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
    runs = balanced(study, runs, parameter)
    if runs.empty:
        return f"{where} it cannot be told which {parameter} is best: no setting was run with all its values."
    means = seed_means(runs, parameter)
    levels = [level for level in study.levels(parameter) if level in means.columns]
    top = max(levels, key=lambda level: means[level].mean())
    others = [level for level in levels if level != top]
    tests = [paired_t(means[top], means[level]) for level in others]
    adjusted = dict(zip(others, holm([test.p_value for test in tests]), strict=True))
    differences = dict(zip(others, tests, strict=True))
    head = (
        f"{where}, {parameter} {value(top)} is best on average ({percent(means[top].mean())} % test accuracy)"
    )
    return head + _verdict(others, adjusted, differences, len(means))


def spread(study: Study, runs: pd.DataFrame, parameter: str) -> str:
    """Whether the spread over seeds depends on a parameter: Brown and Forsythe's test."""
    cells = runs.groupby(list(study.parameters), dropna=False)[METRIC]
    residuals = runs[METRIC] - cells.transform("median")
    groups = {level: residuals[runs[parameter] == level] for level in study.levels(parameter)}
    groups = {level: group for level, group in groups.items() if len(group) > 1}
    if len(groups) < 2 or cells.size().max() < 3:
        return "Its effect on the spread over seeds cannot be told."
    p_value = float(levene(*groups.values(), center="median").pvalue)
    if not p_value < SIGNIFICANCE:
        return "The spread over seeds does not depend on it as far as can be told (Brown-Forsythe, 5 %)."
    spreads = [f"{percent(group.std())} at {value(level)}" for level, group in groups.items()]
    return f"The spread over seeds depends on it: std {', '.join(spreads)} points (Brown-Forsythe, 5 %)."


def _verdict(
    others: Sequence[Hashable],
    adjusted: dict[Hashable, float],
    differences: dict[Hashable, PairedTest],
    seeds: int,
) -> str:
    if all(math.isnan(p) for p in adjusted.values()):
        return "; one seed cannot tell whether by more than chance."
    worse = [level for level in others if adjusted[level] < SIGNIFICANCE]
    alike = [level for level in others if not adjusted[level] < SIGNIFICANCE]
    parts = []
    if worse:
        losses = [f"{value(level)} by {percent(differences[level].difference)}" for level in worse]
        parts.append("it beats " + ", ".join(losses) + " points")
    if alike:
        parts.append("not to be told apart from it " + ", ".join(map(value, alike)))
    return "; " + "; ".join(parts) + f" (paired t over {seeds} seeds, Holm, 5 %)."


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


def _is_gpu(device: str) -> bool:
    return any(word in device.lower() for word in ("nvidia", "cuda", "gpu", "tesla", "amd instinct"))
