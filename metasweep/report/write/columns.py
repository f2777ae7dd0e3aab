"""The columns of the two tables that everything works on: one source for the code's reader and the report's.

A row is (name, type, unit or range, meaning).
"""

from __future__ import annotations

from metasweep.report.rendering import Listing, markdown

Column = tuple[str, str, str, str]
PARAMETERS = "*parameters*"  # stands for one column per parameter of the sweep, named as there

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
    (PARAMETERS, "number or text", "", "model, lr, optimizer, dp, seed, …: named as in the sweep"),
    ("train_acc", "number", "0 to 1", "training accuracy, last value logged"),
    ("train_loss", "number", "nats", "training loss (mean cross-entropy), last value logged"),
    ("val_acc", "number", "0 to 1", "validation accuracy, last value logged"),
    ("val_loss", "number", "nats", "validation loss, last value logged"),
    ("test_acc", "number", "0 to 1", "test accuracy, last value logged"),
    ("test_loss", "number", "nats", "test loss, last value logged"),
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
    ("train_acc", "number", "0 to 1", "mean training accuracy since the row before"),
    ("train_loss", "number", "nats", "mean training loss since the row before"),
    ("val_acc", "number", "0 to 1", "validation accuracy"),
    ("val_loss", "number", "nats", "validation loss"),
    ("test_acc", "number", "0 to 1", "test accuracy"),
    ("test_loss", "number", "nats", "test loss"),
)


def explanation() -> str:
    """Both tables' columns in Markdown."""
    parts = [
        "# The data",
        "`runs.parquet` (and `runs.csv`, the same) has one row per run, in order of creation. "
        "What is not known is missing.",
        _table(RUNS),
        "`history.parquet` has one row per logged step of every run. What was not logged there is missing.",
        _table(HISTORY),
        'In Python: `pandas.read_parquet("runs.parquet")`.',
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table(columns: tuple[Column, ...]) -> str:
    rows = [[name if name == PARAMETERS else f"`{name}`", *rest] for name, *rest in columns]
    return markdown(Listing(["column", "type", "unit", "meaning"], rows, ()))
