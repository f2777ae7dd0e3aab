"""Finds runs and agents that have been silent for too long."""

import sqlite3

from metasweep.server.store.base.database import now, one_of
from metasweep.sweeps.states import ALIVE


def quiet_runs(connection: sqlite3.Connection, before: str) -> list[sqlite3.Row]:
    """The running runs whose last heartbeat was before a time."""
    query = f"SELECT * FROM runs WHERE state IN {one_of(ALIVE)} AND heartbeat_at < ?"
    return connection.execute(query, (before,)).fetchall()


def abandoned_runs(connection: sqlite3.Connection, before: str) -> list[sqlite3.Row]:
    """The runs that have not begun, and whose agent has been silent since a time."""
    query = (
        "SELECT runs.* FROM runs JOIN agents ON agents.id = agent_id"
        " WHERE runs.state = 'pending' AND runs.heartbeat_at < :before AND agents.heartbeat_at < :before"
    )
    return connection.execute(query, {"before": before}).fetchall()


def end_agents(connection: sqlite3.Connection, before: str) -> None:
    """Mark agents that have been silent since a time as crashed."""
    query = "UPDATE agents SET state = 'CRASHED' WHERE state = 'RUNNING' AND heartbeat_at < ?"
    connection.execute(query, (before,))


def bound_future(connection: sqlite3.Connection) -> None:
    """Set heartbeats in the future to now.

    They were stored before the clock was set back, and would never expire.
    """
    time = now()
    for table, condition in (
        ("runs", f"state IN {one_of(ALIVE)}"),
        ("runs", "state = 'pending'"),
        ("agents", "state = 'RUNNING'"),
    ):  # one statement each, in the form that the indexes support
        query = f"UPDATE {table} SET heartbeat_at = ? WHERE {condition} AND heartbeat_at > ?"
        connection.execute(query, (time, time))
