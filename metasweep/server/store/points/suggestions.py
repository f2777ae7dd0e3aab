"""The next point of a search that learns (bayes), from the runs of its sweep."""

import json
import random
import sqlite3

from metasweep import sweeps
from metasweep.server.store.points.configs import config_of
from metasweep.server.store.runs.metrics import metric_of
from metasweep.sweeps import Point, Trial
from metasweep.sweeps.metric import Metric


def trials(connection: sqlite3.Connection, sweep: sqlite3.Row, metric: Metric) -> list[Trial]:
    """Return the points of a sweep, each with the state and the metric of its newest run."""
    query = (
        "SELECT id, point, parameters, state, summary, history_keys FROM runs"
        " WHERE sweep_id = ? AND parameters NOT NULL ORDER BY id"
    )
    newest = {
        ("run", row["id"]) if row["point"] is None else ("point", row["point"]): Trial(
            json.loads(row["parameters"]), row["state"], metric_of(connection, row, metric)
        )
        for row in connection.execute(query, (sweep["id"],))
    }
    return list(newest.values())


def suggest(connection: sqlite3.Connection, sweep: sqlite3.Row, agent_id: int) -> Point | None:
    """Return the next point of a bayes sweep; None for other methods. Slow: do not call it within a write.

    Agents that ask at the same time see the same runs. Their ids make their points differ.
    """
    if sweep["method"] != "bayes":
        return None
    config = config_of(connection, sweep)
    if sweeps.is_steered(config):
        return None
    metric = Metric.of(config)
    if metric is None:
        return None
    history = trials(connection, sweep, metric)
    return sweeps.suggest(config, history, random.Random(f"{sweep['seed']}/{len(history)}/{agent_id}"))
