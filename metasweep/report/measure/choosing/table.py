"""The results table: chosen on validation, reported on test, intervals over seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from metasweep.report.base.errors import AnalysisError
from metasweep.report.measure.baselines import SEEDS, Baselines, baselines, chance_of
from metasweep.report.measure.choosing.configurations import (
    Configuration,
    best,
    complete,
    configurations,
    expected_seeds,
    one_per_seed,
)
from metasweep.report.measure.statistics import (
    POWER,
    SIGNIFICANCE,
    Interval,
    against,
    detectable,
    interval,
    seeds_to_show,
    standard_deviation,
    welch_t,
)
from metasweep.report.measure.status import completeness
from metasweep.report.read.quantities import Quantity, counterparts
from metasweep.report.read.study import SEED, Study

FEW_SEEDS = 5


@dataclass(frozen=True)
class Row:
    """One configuration of the table."""

    values: dict[str, object]  # parameter -> value
    validation: float  # mean of the metric of the choice
    test: Interval
    runs: tuple[str, ...]  # run ids
    best: bool = False
    p_value: float = math.nan  # against the best row, Holm-adjusted; NaN for the best row or without a test

    @property
    def indistinguishable(self) -> bool:
        """Return whether it cannot be distinguished from the best row."""
        return not self.best and not self.p_value < SIGNIFICANCE


@dataclass(frozen=True)
class BaselineRow:
    """The score of a model that has learned nothing."""

    name: str
    test: Interval


@dataclass(frozen=True)
class ResultsTable:
    """What the formats print. Accuracies are fractions."""

    parameters: tuple[str, ...]
    metric: Quantity  # by which the rows were chosen
    reported: Quantity
    rows: tuple[Row, ...]
    baselines: tuple[BaselineRow, ...]
    notes: tuple[str, ...]
    tested: str  # how rows were compared
    method: str
    confidence: float


def results_table(
    study: Study,
    top: int = 2,
    method: str = "t",
    confidence: float = 0.95,
    confirmation: Study | None = None,
) -> ResultsTable:
    """Return the `top` best configurations per model (or of all, without a parameter `model`), and baselines.

    Args:
        study: what to choose from, by its metric over all seeds.
        top: configurations per model.
        method: interval of the test accuracy: "t", "normal" or "bootstrap".
        confidence: its coverage.
        confirmation: runs of the same configurations on fresh seeds; if given, their values are reported.

    Raises:
        AnalysisError: no run of the confirmation has a chosen configuration.
    """
    chosen = choose(study, top)
    reported = chosen if confirmation is None else _rerun(study, chosen, confirmation)
    rows = [
        Row(
            values=dict(original.values),
            validation=original.mean(study.metric.column),
            test=interval(shown.runs[study.reported.column].dropna(), method, confidence),
            runs=tuple(shown.runs["run_id"]),
        )
        for original, shown in zip(chosen, reported, strict=True)
    ]
    rows = compare(study.metric, study.reported, rows, reported)
    return ResultsTable(
        parameters=study.parameters,
        metric=study.metric,
        reported=study.reported,
        rows=tuple(rows),
        baselines=tuple(_baseline_rows(study, method, confidence)),
        notes=(
            *_about_better(study, rows),
            *_about_power(study, rows, reported),
            *_about_seeds(study, rows, reported),
            *_about_runs(study),
            *_about_choice(study, chosen, reported),
        ),
        tested="paired t over common seeds"
        if paired(reported)
        else "Welch's t, since no rows have common seeds",
        method=method,
        confidence=confidence,
    )


def choose(study: Study, top: int) -> list[Configuration]:
    """The best configurations on validation, model by model."""
    candidates = complete(configurations(study), expected_seeds(study))
    if "model" not in study.parameters:
        return best(candidates, study.metric, top)
    by_model = [[c for c in candidates if c.values["model"] == model] for model in study.levels("model")]
    return [c for group in by_model for c in best(group, study.metric, top)]


def compare(
    metric: Quantity, reported: Quantity, rows: Sequence[Row], shown: Sequence[Configuration]
) -> list[Row]:
    """Mark the best row by the metric of the choice, and test every other row against it.

    The test is of the reported metric.

    Marking the best on test would choose by the numbers that are then reported.
    """
    means = [  # of a confirmation some rows may have no runs
        metric.sign * row.validation if len(configuration.runs) else -math.inf
        for row, configuration in zip(rows, shown, strict=True)
    ]
    if not rows or max(means) == -math.inf:
        return list(rows)
    winner = means.index(max(means))
    samples = [configuration.by_seed(reported.column).dropna() for configuration in shown]
    tests = against(winner, samples, None if paired(shown) else welch_t)
    return [
        replace(row, best=index == winner, p_value=math.nan if index == winner else test.p_value)
        for index, (row, test) in enumerate(zip(rows, tests, strict=True))
    ]


def paired(shown: Sequence[Configuration]) -> bool:
    """Return whether rows are compared by common seeds; also true if no row has enough seeds to compare."""
    seeds = [set(configuration.seeds) for configuration in shown]
    common = (len(one & other) for one, other in itertools.combinations(seeds, 2))
    return max(map(len, seeds), default=0) < 2 or max(common, default=2) > 1


def _rerun(study: Study, chosen: Sequence[Configuration], confirmation: Study) -> list[Configuration]:
    """Return the chosen configurations with their runs in another study; these may be none."""
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
    if chance_of(study) is None:
        return []
    found: Baselines = baselines(study.class_counts, SEEDS)
    majority = Interval(found.majority_accuracy, math.nan, 1, math.nan)
    return [
        BaselineRow("random", interval(found.random_by_seed, method, confidence)),
        BaselineRow(f"majority class ({_class_name(study, found.majority_class)})", majority),
    ]


def _class_name(study: Study, index: int) -> str:
    return study.class_names[index] if index < len(study.class_names) else str(index)


def _about_choice(study: Study, chosen: Sequence[Configuration], shown: Sequence[Configuration]) -> list[str]:
    """Say whether rows were reported on other seeds and other data than they were chosen by."""
    column = study.reported.column
    pairs = zip(chosen, shown, strict=True)
    seen = [set(one.by_seed(column).index) & set(other.by_seed(column).index) for one, other in pairs]
    if not any(seen):
        return ["Reported on fresh seeds, chosen on others."]
    notes = []
    if any(len(one.runs) > 1 for one in shown):
        notes.append(
            "Chosen and reported on the same seeds: the interval is too narrow for the winner of many."
        )
    if study.reported == study.metric and study.metric.split != "test":
        test = counterparts(study.metric.name, "test")[0]
        notes.append(f"The rows are reported by what they were chosen by: log {test} to report on test data.")
    return notes


def _about_better(study: Study, rows: Sequence[Row]) -> list[str]:
    """Say how many rows are reported with a better mean than the chosen one: p does not tell the side."""
    metric = study.reported
    winner = next((row for row in rows if row.best), None)
    if winner is None or metric == study.metric:
        return []
    better = [row for row in rows if metric.sign * (row.test.mean - winner.test.mean) > 0]
    if not better:
        return []
    have = "1 row has" if len(better) == 1 else f"{len(better)} rows have"
    surely = sum(not row.indistinguishable for row in better)
    return [
        f"{have} a better mean {metric.words} than the best, which was chosen by {study.metric.name}: "
        f"{surely or 'none'} with p below {SIGNIFICANCE}."
    ]


def _about_power(study: Study, rows: Sequence[Row], shown: Sequence[Configuration]) -> list[str]:
    """Say what difference the table could have shown, and how many seeds the actual one needs."""
    metric = study.reported
    samples = [configuration.by_seed(metric.column).dropna() for configuration in shown]
    winner = next((index for index, row in enumerate(rows) if row.best), None)
    if winner is None or len(rows) < 2:
        return []
    pairs = len(rows) * (len(rows) - 1) // 2
    spreads = [
        standard_deviation(difference) for difference in _differences(samples, winner) if len(difference) > 1
    ]
    n = min((len(difference) for difference in _differences(samples, winner)), default=0)
    if not spreads or n < 2:
        return []
    std = math.hypot(*spreads) / math.sqrt(len(spreads))
    least = detectable(std, n, pairs)
    if math.isnan(least):
        return []
    note = (
        f"With {n} seeds, a true difference of {metric.difference(least)} between two rows would have been "
        f"shown with {100 * POWER:.0f} % probability."
    )
    close = [index for index, row in enumerate(rows) if row.indistinguishable]
    if close:
        gaps = [abs(rows[winner].test.mean - rows[index].test.mean) for index in close]
        nearest = min(gaps)
        needed = seeds_to_show(nearest, std, pairs)
        seeds = f"{needed:,} seeds" if needed else "more than 1,000 seeds"
        note += (
            f" To show the smallest difference to the best, {metric.difference(nearest)}, would take {seeds}."
        )
    return [note]


def _differences(samples: Sequence[pd.Series], winner: int) -> list[pd.Series]:
    """Return best minus other, over the seeds that both have, for every other row."""
    found = []
    for index, sample in enumerate(samples):
        if index != winner:
            mine, theirs = samples[winner].align(sample, join="inner")
            found.append(mine - theirs)
    return found


def _about_seeds(study: Study, rows: Sequence[Row], shown: Sequence[Configuration]) -> list[str]:
    counts = sorted({row.test.n for row in rows})
    seeds = {frozenset(configuration.by_seed(study.reported.column).index) for configuration in shown}
    notes = []
    if counts and counts[0] < FEW_SEEDS:
        notes.append(
            f"Fewer than {FEW_SEEDS} seeds (down to {counts[0]}): the intervals are wide or missing."
        )
    if len(seeds) > 1 and study.seed and paired(shown):
        notes.append("The rows do not have the same seeds: only common seeds are compared.")
    if not study.seed:
        notes.append(
            "No parameter repeats the runs, so n counts runs with equal parameters: add a seed to the sweep, "
            "or name it with --seed."
        )
    elif study.seed != SEED:
        notes.append(f"The seed is the parameter {study.seed}.")
    return notes


def _about_runs(study: Study) -> list[str]:
    notes = []
    status = completeness(study)
    metric = study.metric
    without = study.finished[study.finished[metric.column].isna()]
    infinite = int(without["diverged"].sum())
    for count, what in (
        (len(without) - infinite, f"no {metric.name}"),
        (infinite, f"no finite {metric.name}"),
    ):
        if count:
            have = "1 finished run has" if count == 1 else f"{count} finished runs have"
            notes.append(f"{have} {what} and cannot be chosen.")
    notes += study.notes
    if study.where:
        notes.append(f"Only runs with {study.where}.")
    elif not status.complete:
        notes.append(f"The sweep is not complete: {status.summary}.")
    if status.duplicated:
        who = "1 run repeats" if status.duplicated == 1 else f"{status.duplicated} runs repeat"
        notes.append(f"{who} a grid point that was finished before: left out.")
    return notes
