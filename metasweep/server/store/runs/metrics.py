"""The metric of runs, as `sweeps.metric` defines it, read from the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from metasweep.server.store.runs.history import lines
from metasweep.sweeps.metric import Metric

RUNS_OF_SWEEP = "SELECT id, summary, history_keys FROM runs WHERE sweep_id = ?"


def metric_of(connection: sqlite3.Connection, run: sqlite3.Row, metric: Metric) -> float | None:
    """Return the metric of a run (its row has id, summary and history_keys); None without one."""

    def history() -> Iterable[Any]:
        if metric.name not in json.loads(run["history_keys"] or "{}"):
            return ()
        return (json.loads(text).get(metric.name) for text in lines(connection, "history", run["id"]))

    return metric.of_run(json.loads(run["summary"]), history)


def best_of_sweep(connection: sqlite3.Connection, sweep_id: int, metric: Metric) -> float | None:
    """Return the best metric of all runs of a sweep, in whatever state."""
    runs = connection.execute(RUNS_OF_SWEEP, (sweep_id,)).fetchall()
    return metric.best(metric_of(connection, run, metric) for run in runs)
