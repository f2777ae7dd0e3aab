"""The metric of runs, as `sweeps.metric` defines it, read from the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from metasweep.sweeps.metric import Metric

RUNS_OF_SWEEP = "SELECT id, summary, history_keys FROM runs WHERE sweep_id = ?"
HISTORY_OF_RUN = "SELECT text FROM history WHERE run_id = ? ORDER BY line"


def metric_of(connection: sqlite3.Connection, run: sqlite3.Row, metric: Metric) -> float | None:
    """Return the metric of a run (its row has id, summary and history_keys); None without one."""

    def history() -> Iterable[Any]:
        if metric.name not in json.loads(run["history_keys"] or "{}"):
            return ()
        rows = connection.execute(HISTORY_OF_RUN, (run["id"],))
        return [json.loads(row["text"]).get(metric.name) for row in rows]

    return metric.of_run(json.loads(run["summary"]), history)


def best_of_sweep(connection: sqlite3.Connection, sweep_id: int, metric: Metric) -> float | None:
    """Return the best metric of all runs of a sweep, in whatever state."""
    runs = connection.execute(RUNS_OF_SWEEP, (sweep_id,)).fetchall()
    return metric.best(metric_of(connection, run, metric) for run in runs)
