"""What a search that learns (bayes) proposes next, from the runs of its sweep."""

import json
import random
import sqlite3

from metasweep import sweeps
from metasweep.server.store.claims import parse_config
from metasweep.sweeps import Point, Trial


def trials(connection: sqlite3.Connection, sweep: sqlite3.Row, metric: str) -> list[Trial]:
    """The points of a sweep as the search sees them: their newest run's state and metric of the summary."""
    query = (
        "SELECT id, point, parameters, state, summary FROM runs"
        " WHERE sweep_id = ? AND parameters NOT NULL ORDER BY id"
    )
    newest = {
        ("run", row["id"]) if row["point"] is None else ("point", row["point"]): Trial(
            json.loads(row["parameters"]), row["state"], json.loads(row["summary"]).get(metric)
        )
        for row in connection.execute(query, (sweep["id"],))
    }
    return list(newest.values())


def suggest(connection: sqlite3.Connection, sweep: sqlite3.Row, agent_id: int) -> Point | None:
    """The next point of a bayes sweep; None for other methods. Slow: not to be called within a write.

    Agents that ask at the same time see the same runs: what they get differs by their ids.
    """
    if sweep["method"] != "bayes":
        return None
    config = parse_config(sweep["config"])
    history = trials(connection, sweep, config["metric"]["name"])
    return sweeps.suggest(config, history, random.Random(f"{sweep['seed']}/{len(history)}/{agent_id}"))
