"""The columns of the two tables, described once for readers of the code and of the report.

A row is (name, type, unit or range, meaning).
"""

from __future__ import annotations

from metasweep.report.base.listing import Listing
from metasweep.report.read.study import Study
from metasweep.report.write.formats import markdown

Column = tuple[str, str, str, str]
PARAMETERS = "*parameters*"  # stands for one column per parameter of the sweep
METRICS = "*metrics*"  # stands for one column per metric

RUNS: tuple[Column, ...] = (
    ("run_id", "text", "", "the run's id, unique in its project"),
    ("name", "text", "", "its display name"),
    ("url", "text", "", "its page"),
    ("sweep_id", "text", "", "the sweep that it belongs to"),
    ("state", "text", "", "finished, running, crashed, failed, killed, preempted, pending"),
    ("grid_point", "text", "", "the point of the grid that it is, as JSON; empty when it is none"),
    ("created_at", "time", "UTC", "when it started"),
    ("updated_at", "time", "UTC", "its last sign of life"),
    ("runtime_seconds", "number", "s", "wall time from start to last sign of life"),
    ("duplicate", "yes or no", "", "finished, but an earlier run had finished its grid point"),
    ("diverged", "yes or no", "", "its loss became NaN or infinite"),
    ("seed", "number or text", "", "its repetition, whatever the sweep calls it"),
    (
        PARAMETERS,
        "number or text",
        "",
        "named as in the sweep, or config:NAME where that is one of these names",
    ),
    (
        METRICS,
        "number",
        "see below",
        "named as logged, or summary:NAME where that has no slash; the last value, or the "
        "aggregate that define_metric asks for",
    ),
    ("epoch", "number", "epochs", "epochs finished"),
    ("images_per_second", "number", "1/s", "training throughput"),
    ("parameter_count", "number", "", "trainable parameters of the model"),
    ("device", "text", "", "what it ran on"),
    ("commit", "text", "", "commit of its code"),
    ("versions", "text", "", "versions of Python and of the packages that shape a result"),
)
HISTORY: tuple[Column, ...] = (
    ("run_id", "text", "", "the run"),
    ("step", "whole number", "steps", "training steps done"),
    ("epoch", "number", "epochs", "epochs done, a fraction between evaluations"),
    (METRICS, "number", "see below", "the value logged there"),
)


def explanation(study: Study) -> str:
    """Both tables' columns in Markdown."""
    parts = [
        "# The data",
        "`runs.parquet` (and `runs.csv`, the same) has one row per run, in order of creation. "
        "What is not known is missing.",
        _table(RUNS),
        "`history.parquet` has one row per logged step of every run. What was not logged there is missing.",
        _table(HISTORY),
        "The metrics: accuracies are fractions between 0 and 1, however they were logged.",
        markdown(Listing(["column", "logged as", "kind", "better is", "unit"], _metric_rows(study), ())),
        'In Python: `pandas.read_parquet("runs.parquet")`.',
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _metric_rows(study: Study) -> list[list[str]]:
    return [
        [
            metric.column,
            metric.name + (f", divided by {metric.factor:g}" if metric.factor != 1 else ""),
            metric.kind,
            "larger" if metric.maximize else "smaller",
            "fraction" if metric.is_accuracy else metric.unit,
        ]
        for metric in study.metrics
    ]


def _table(columns: tuple[Column, ...]) -> str:
    rows = [[name.strip("*"), *rest] for name, *rest in columns]
    return markdown(Listing(["column", "type", "unit", "meaning"], rows, ()))
