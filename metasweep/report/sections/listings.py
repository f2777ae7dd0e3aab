"""Results as tables: their columns and their words."""

from __future__ import annotations

import json
import math

from metasweep.report.base.listing import Listing, with_parameters
from metasweep.report.base.words import DAGGER, parameter_name, value
from metasweep.report.measure.choosing.table import ResultsTable, Row
from metasweep.report.measure.statistics import SIGNIFICANCE, Interval
from metasweep.report.measure.status import Completeness
from metasweep.report.read.quantities import Quantity

INTERVAL_WORDS = {"t": "Student's t", "normal": "normal (z)", "bootstrap": "percentile bootstrap"}
SHOWN_POINTS = 20


def results(table: ResultsTable, decimals: int = 2) -> Listing:
    """Return the results table: accuracies in percent for people, as fractions for programs.

    Args:
        table: the results.
        decimals: of percentages; other metrics change their usual number by the same amount.
    """
    names, extra = table.parameters, decimals - 2
    by, metric = table.metric, table.reported
    own = [] if by == metric else [by.heading]
    headers = [*map(parameter_name, names), "n", *own, metric.heading, "std", "p"]
    if not names:
        headers = ["configuration", *headers]
    rows = [
        [
            *([value(row.values[name]) for name in names] or ["the only one"]),
            str(row.test.n),
            *([by.show(row.validation, extra)] if own else []),
            mean_and_half_width(row.test, metric, extra) + (f" {DAGGER}" if row.indistinguishable else ""),
            metric.show(row.test.std, extra),
            "best" if row.best else p_value(row.p_value),
        ]
        for row in table.rows
    ]
    for baseline in table.baselines:
        blank = [""] * max(0, len(names) - 1)
        cells = [str(baseline.test.n), *[""] * len(own), mean_and_half_width(baseline.test, metric, extra)]
        rows.append([baseline.name, *blank, *cells, metric.show(baseline.test.std, extra), ""])
    return Listing(
        headers=headers,
        rows=rows,
        records=_records(table),
        bold=frozenset(index for index, row in enumerate(table.rows) if row.best),
        notes=[_explanation(table), *table.notes],
        data={
            "interval": table.method,
            "confidence": table.confidence,
            "chosen_by": table.metric.name,
            "reported": table.reported.name,
        },
    )


def status_listing(found: Completeness) -> Listing:
    """Counts, and under them the points that are missing or failed."""
    counts = {
        "expected": "unlimited" if found.expected is None else found.expected,
        "finished": found.finished,
        "running": found.running,
        **({"preempted": found.preempted} if found.preempted else {}),
        "failed": found.failed,
        **({"stopped early": found.stopped} if found.stopped else {}),
        "missing": found.missing,
        "duplicated": found.duplicated,
    }
    kinds = {"failed": found.failed_points, "missing": found.missing_points}
    notes = [_points(word, points, found.constants) for word, points in kinds.items()]
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


def mean_and_half_width(found: Interval, metric: Quantity, extra: int = 0) -> str:
    """Return `98.03 ± 1.26`, or only the mean if there is no interval."""
    mean = metric.show(found.mean, extra)
    return (
        mean
        if found.n < 2 or math.isnan(found.half_width)
        else f"{mean} ± {metric.show(found.half_width, extra)}"
    )


def p_value(p: float) -> str:
    """Return p with three decimals; a dash without a test."""
    if p != p:
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _explanation(table: ResultsTable) -> str:
    words = [
        f"Chosen by mean {table.metric.name}; {table.reported.words} is mean ± half-width of the "
        f"{100 * table.confidence:g} % interval over seeds ({INTERVAL_WORDS[table.method]}).",
        "It covers other seeds, not other test sets.",
    ]
    if any(row.indistinguishable for row in table.rows):
        words.append(
            f"{DAGGER} Not distinguishable from the best: {table.tested}, "
            f"Holm's p over all pairs at or above {SIGNIFICANCE:g}, or too few seeds to tell."
        )
    return " ".join(words)


def _records(table: ResultsTable) -> list[dict[str, object]]:
    def record(row: Row) -> dict[str, object]:
        own = {
            "name": "configuration",
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
        names = {parameter_name(name): item for name, item in row.values.items()}
        return with_parameters(names, own)

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


def _points(word: str, points: tuple[dict[str, object], ...], constants: frozenset[str]) -> str:
    """Return a line for each point.

    Values that all share are shown too, since they may be why the points failed.
    """
    if not points:
        return ""
    names = dict.fromkeys(name for point in points for name in point)
    told = [name for name in names if name not in constants] or list(names)
    shown = points[:SHOWN_POINTS]
    lines = [", ".join(f"{name}={_quoted(p[name])}" for name in told if name in p) for p in shown]
    more = [f"… and {len(points) - SHOWN_POINTS} more"] if len(points) > SHOWN_POINTS else []
    return "\n  ".join([f"{word}:", *lines, *more])


def _quoted(item: object) -> str:
    """Return a value, with quotes around a text that looks like another type: "1" beside 1."""
    if isinstance(item, str):
        try:
            float(item)
        except ValueError:
            return item if item not in ("", "true", "false", "null", "None") else json.dumps(item)
        return json.dumps(item)
    return value(item) if isinstance(item, float) else json.dumps(item, ensure_ascii=False)
