"""Results as tables to show: which columns, in which words."""

from __future__ import annotations

import json
from dataclasses import asdict

from metasweep.report.measure.baselines import Baselines
from metasweep.report.measure.statistics import SIGNIFICANCE, Interval
from metasweep.report.measure.status import Completeness
from metasweep.report.measure.table import ResultsTable, Row
from metasweep.report.read.study import Study
from metasweep.report.rendering import (
    DAGGER,
    Listing,
    percent,
    value,
)
from metasweep.sweeps.grid import identity

INTERVAL_WORDS = {"t": "Student's t", "normal": "normal (z)", "bootstrap": "percentile bootstrap"}
SHOWN_POINTS = 20


def results(table: ResultsTable, decimals: int = 2) -> Listing:
    """The results table: accuracies in percent for people, as fractions for programs."""
    names = table.parameters
    headers = [*names, "n", "val %", "test %", "std", "p"]
    rows = [
        [
            *(value(row.values[name]) for name in names),
            str(row.test.n),
            percent(row.validation, decimals),
            mean_and_half_width(row.test, decimals) + (f" {DAGGER}" if row.indistinguishable else ""),
            percent(row.test.std, decimals),
            "best" if row.best else p_value(row.p_value),
        ]
        for row in table.rows
    ]
    for baseline in table.baselines:
        blank = [""] * max(0, len(names) - 1)
        cells = [str(baseline.test.n), "", mean_and_half_width(baseline.test, decimals)]
        rows.append([baseline.name, *blank, *cells, percent(baseline.test.std, decimals), ""])
    return Listing(
        headers=headers,
        rows=rows,
        records=_records(table),
        bold=frozenset(index for index, row in enumerate(table.rows) if row.best),
        notes=[_explanation(table), *table.notes],
        data={"interval": table.method, "confidence": table.confidence, "chosen_by": table.metric},
    )


def baseline_listing(found: Baselines, decimals: int = 2) -> Listing:
    """Both baselines."""
    seeds = ", ".join(percent(accuracy, decimals) for accuracy in found.random_by_seed)
    exact = percent(found.random_expected, decimals)
    spread = percent(found.random_expected_std, decimals)
    records = [
        {"baseline": "random, exact", "test_acc": found.random_expected, "std": found.random_expected_std},
        *({"baseline": "random", "seed": i, "test_acc": a} for i, a in enumerate(found.random_by_seed, 1)),
        {"baseline": "majority", "class": found.majority_class, "test_acc": found.majority_accuracy},
    ]
    return Listing(
        headers=["baseline", "test %", "std over seeds"],
        rows=[
            ["random, expected", exact, spread],
            ["majority class", percent(found.majority_accuracy, decimals), ""],
        ],
        records=records,
        notes=[
            f"Random models, one per seed: {seeds} %.",
            f"{found.test_size} test images, {found.classes} classes; "
            f"the largest class of the training set is number {found.majority_class}.",
        ],
        data=asdict(found),
    )


def dataset_listing(study: Study) -> Listing:
    """Images per class and split."""
    splits = list(study.class_counts)
    rows = [
        [name, *(str(study.class_counts[split][index]) for split in splits)]
        for index, name in enumerate(study.class_names)
    ]
    totals = ["all", *(str(sum(study.class_counts[split])) for split in splits)]
    records = [
        {"class": name, **{split: study.class_counts[split][index] for split in splits}}
        for index, name in enumerate(study.class_names)
    ]
    return Listing(headers=["class", *splits], rows=[*rows, totals], records=records)


def status_listing(found: Completeness) -> Listing:
    """Counts, and under them the points that are missing or failed."""
    counts = {
        "expected": "unlimited" if found.expected is None else found.expected,
        "finished": found.finished,
        "running": found.running,
        **({"preempted": found.preempted} if found.preempted else {}),
        "failed": found.failed,
        "missing": found.missing,
        "duplicated": found.duplicated,
    }
    notes = [_points("failed", found.failed_points), _points("missing", found.missing_points)]
    return Listing(
        headers=["points", "count"],
        rows=[[name, str(count)] for name, count in counts.items()],
        records=[counts],
        notes=[note for note in notes if note],
        data={
            "complete": found.complete,
            "failed_points": list(found.failed_points),
            "missing_points": list(found.missing_points),
        },
    )


def mean_and_half_width(found: Interval, decimals: int) -> str:
    """`98.03 ± 1.26`, or the mean alone when there is no spread to speak of."""
    mean = percent(found.mean, decimals)
    return mean if found.n < 2 else f"{mean} ± {percent(found.half_width, decimals)}"


def p_value(p: float) -> str:
    """To three decimals; a dash when nothing could be tested."""
    if p != p:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _explanation(table: ResultsTable) -> str:
    metric = table.metric.replace("_", "/")
    words = [
        f"Chosen by mean {metric}; test accuracy is mean ± half-width of the {100 * table.confidence:g} % "
        f"interval over seeds ({INTERVAL_WORDS[table.method]}).",
        "It covers other seeds, not other test sets.",
    ]
    if any(row.indistinguishable for row in table.rows):
        words.append(
            f"{DAGGER} Not distinguishable from the best: paired t over common seeds, "
            f"Holm's p over all pairs at or above {SIGNIFICANCE:g}, or too few seeds to tell."
        )
    return " ".join(words)


def _records(table: ResultsTable) -> list[dict[str, object]]:
    def record(row: Row) -> dict[str, object]:
        return {
            "name": "configuration",
            **row.values,
            "n": row.test.n,
            "val_mean": row.validation,
            "test_mean": row.test.mean,
            "test_half_width": row.test.half_width,
            "test_std": row.test.std,
            "best": row.best,
            "indistinguishable": row.indistinguishable,
            "p_value": row.p_value,
            "runs": " ".join(row.runs),
        }

    baselines = [
        {
            "name": baseline.name,
            "n": baseline.test.n,
            "test_mean": baseline.test.mean,
            "test_half_width": baseline.test.half_width,
            "test_std": baseline.test.std,
        }
        for baseline in table.baselines
    ]
    return [*map(record, table.rows), *baselines]


def _points(word: str, points: tuple[dict[str, object], ...]) -> str:
    if not points:
        return ""
    names = dict.fromkeys(name for point in points for name in point)
    seen = {name: {identity(point.get(name)) for point in points} for name in names}
    told = [name for name in names if len(seen[name]) > 1 or len(points) == 1]
    shown = points[:SHOWN_POINTS]
    lines = [", ".join(f"{name}={_quoted(p[name])}" for name in told if name in p) for p in shown]
    more = [f"… and {len(points) - SHOWN_POINTS} more"] if len(points) > SHOWN_POINTS else []
    return "\n  ".join([f"{word}:", *lines, *more])


def _quoted(item: object) -> str:
    """A value, in quotes where it is a text that would read as something else: "1" beside 1."""
    if isinstance(item, str):
        try:
            float(item)
        except ValueError:
            return item if item not in ("", "true", "false", "null", "None") else json.dumps(item)
        return json.dumps(item)
    return value(item) if isinstance(item, float) else json.dumps(item, ensure_ascii=False)
