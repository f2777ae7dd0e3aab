"""The results table: chosen on validation, reported on test, intervals over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from metasweep.report.errors import AnalysisError
from metasweep.report.measure.baselines import SEEDS, Baselines, baselines
from metasweep.report.measure.configurations import (
    Configuration,
    best,
    complete,
    configurations,
    expected_seeds,
    one_per_seed,
)
from metasweep.report.measure.statistics import (
    SIGNIFICANCE,
    Interval,
    against,
    interval,
)
from metasweep.report.measure.status import completeness
from metasweep.report.read.study import Study

FEW_SEEDS = 5
REPORTED = "test_acc"


@dataclass(frozen=True)
class Row:
    """One configuration of the table."""

    values: dict[str, object]  # parameter -> value
    validation: float  # mean of the metric that it was chosen by
    test: Interval
    runs: tuple[str, ...]  # run ids
    best: bool = False
    p_value: float = math.nan  # against the best row, Holm-adjusted; NaN for the best or when untestable

    @property
    def indistinguishable(self) -> bool:
        """Whether it cannot be told apart from the best row."""
        return not self.best and not self.p_value < SIGNIFICANCE


@dataclass(frozen=True)
class BaselineRow:
    """A model that learned nothing."""

    name: str
    test: Interval


@dataclass(frozen=True)
class ResultsTable:
    """What the renderers print. Accuracies are fractions."""

    parameters: tuple[str, ...]
    metric: str
    rows: tuple[Row, ...]
    baselines: tuple[BaselineRow, ...]
    notes: tuple[str, ...]
    method: str
    confidence: float


def results_table(
    study: Study,
    top: int = 2,
    method: str = "t",
    confidence: float = 0.95,
    confirmation: Study | None = None,
) -> ResultsTable:
    """The `top` best configurations per model (or of all, without a parameter `model`), and the baselines.

    Args:
        study: what to choose from, by its metric over all seeds.
        top: configurations per model.
        method: interval of the test accuracy: "t", "normal" or "bootstrap".
        confidence: its coverage.
        confirmation: runs of the same configurations on fresh seeds; when given, they are what is reported.

    Raises:
        AnalysisError: no run of the confirmation is one of a chosen configuration.
    """
    chosen = choose(study, top)
    reported = chosen if confirmation is None else _rerun(study, chosen, confirmation)
    rows = [
        Row(
            values=dict(original.values),
            validation=original.mean(study.metric),
            test=interval(shown.runs[REPORTED], method, confidence),
            runs=tuple(shown.runs["run_id"]),
        )
        for original, shown in zip(chosen, reported, strict=True)
    ]
    return ResultsTable(
        parameters=study.parameters,
        metric=study.metric,
        rows=tuple(compare(rows, reported)),
        baselines=tuple(_baseline_rows(study, method, confidence)),
        notes=(*_about_seeds(rows, reported), *_about_runs(study), _about_choice(chosen, reported)),
        method=method,
        confidence=confidence,
    )


def choose(study: Study, top: int) -> list[Configuration]:
    """The best configurations on validation, model by model."""
    candidates = complete(configurations(study), expected_seeds(study))
    if "model" not in study.parameters:
        return best(candidates, study.metric, study.maximize, top)
    by_model = [[c for c in candidates if c.values["model"] == model] for model in study.levels("model")]
    return [c for group in by_model for c in best(group, study.metric, study.maximize, top)]


def compare(rows: Sequence[Row], shown: Sequence[Configuration]) -> list[Row]:
    """Mark the best mean, and test every other row against it."""
    means = [row.test.mean if row.test.n else -math.inf for row in rows]
    if not rows or max(means) == -math.inf:
        return list(rows)
    winner = means.index(max(means))
    tests = against(winner, [configuration.by_seed(REPORTED) for configuration in shown])
    return [
        replace(row, best=index == winner, p_value=math.nan if index == winner else test.p_value)
        for index, (row, test) in enumerate(zip(rows, tests, strict=True))
    ]


def _rerun(study: Study, chosen: Sequence[Configuration], confirmation: Study) -> list[Configuration]:
    """The chosen configurations with their runs in another study; there may be none."""
    found = []
    for configuration in chosen:
        runs = confirmation.finished
        for name, value in {**study.constants, **configuration.values}.items():
            column = runs[name] if name in runs else pd.Series(math.nan, index=runs.index)
            runs = runs[column.isna() if pd.isna(value) else column == value]
        found.append(Configuration(configuration.values, one_per_seed(runs)))
    if chosen and not any(len(configuration.runs) for configuration in found):
        names = ", ".join(sweep.path for sweep in confirmation.sweeps)
        raise AnalysisError(f"No finished run of {names} has a configuration that the table shows.")
    return found


def _baseline_rows(study: Study, method: str, confidence: float) -> list[BaselineRow]:
    if not {"train", "test"} <= set(study.class_counts):
        return []
    found: Baselines = baselines(study.class_counts, SEEDS)
    majority = Interval(found.majority_accuracy, math.nan, 1, math.nan)
    return [
        BaselineRow("random", interval(found.random_by_seed, method, confidence)),
        BaselineRow(f"majority class ({_class_name(study, found.majority_class)})", majority),
    ]


def _class_name(study: Study, index: int) -> str:
    return study.class_names[index] if index < len(study.class_names) else str(index)


def _about_choice(chosen: Sequence[Configuration], shown: Sequence[Configuration]) -> str:
    """Whether the rows were reported on other seeds than those by which they were chosen."""
    pairs = zip(chosen, shown, strict=True)
    seen = [set(one.by_seed(REPORTED).index) & set(other.by_seed(REPORTED).index) for one, other in pairs]
    if not any(seen):
        return "Reported on fresh seeds, chosen on others."
    return "Chosen and reported on the same seeds: the interval is too narrow for the winner of many."


def _about_seeds(rows: Sequence[Row], shown: Sequence[Configuration]) -> list[str]:
    counts = sorted({row.test.n for row in rows})
    seeds = {frozenset(configuration.by_seed(REPORTED).index) for configuration in shown}
    notes = []
    if counts and counts[0] < FEW_SEEDS:
        notes.append(
            f"Fewer than {FEW_SEEDS} seeds (down to {counts[0]}): the intervals are wide or missing."
        )
    if len(seeds) > 1:
        notes.append("The rows do not have the same seeds: only common seeds are compared.")
    return notes


def _about_runs(study: Study) -> list[str]:
    notes = []
    status = completeness(study)
    without = int(study.finished[study.metric].isna().sum())
    if without:
        runs = "1 finished run has" if without == 1 else f"{without} finished runs have"
        notes.append(f"{runs} no {study.metric.replace('_', '/')} and cannot be chosen.")
    if study.where:
        notes.append(f"Only runs with {study.where}.")
    elif not status.complete:
        notes.append(f"The sweep is not complete: {status.summary}.")
    if status.duplicated:
        who = "1 run repeats" if status.duplicated == 1 else f"{status.duplicated} runs repeat"
        notes.append(f"{who} a grid point that was finished before: left out.")
    return notes
