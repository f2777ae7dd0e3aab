"""Runs: finding, creating and deleting them."""

import sqlite3
from typing import Any

from metasweep.server.errors import NotFound
from metasweep.server.store import projects
from metasweep.server.store.base.database import insert, now
from metasweep.server.store.base.rows import Rows


def find(connection: sqlite3.Connection, project_id: int, name: str | None) -> sqlite3.Row | None:
    """The run with that client id."""
    query = "SELECT * FROM runs WHERE project_id = ? AND name = ?"
    return connection.execute(query, (project_id, name)).fetchone()


def by_path(connection: sqlite3.Connection, entity: str, project_name: str, name: str) -> sqlite3.Row:
    """The run at ENTITY/PROJECT/RUN, or NotFound."""
    project = projects.find(connection, entity, project_name)
    run = find(connection, project["id"], name) if project else None
    if run is None:
        raise NotFound(f"run {entity}/{project_name}/{name} not found")
    return run


def make(connection: sqlite3.Connection, project_id: int, name: str, username: str) -> sqlite3.Row:
    """Create a run. Its state is running."""
    time = now()
    insert(
        connection,
        "runs",
        project_id=project_id,
        name=name,
        display_name=name,
        state="running",
        username=username,
        created_at=time,
        updated_at=time,
        heartbeat_at=time,
    )
    run = find(connection, project_id, name)
    assert run is not None
    return run


def join_sweep(connection: sqlite3.Connection, run_id: int, sweep: sqlite3.Row) -> None:
    """Add a run to a sweep that did not hand it out."""
    query = "UPDATE runs SET sweep = ?, sweep_id = ? WHERE id = ?"
    connection.execute(query, (sweep["name"], sweep["id"], run_id))


def of_project(project_id: int, condition: str = "1", *values: Any) -> Rows:
    """The runs of a project that meet an SQL condition."""
    return Rows(f"SELECT * FROM runs WHERE project_id = ? AND ({condition})", (project_id, *values))


def of_sweep(sweep_id: int, condition: str = "1", *values: Any) -> Rows:
    """The runs of a sweep that meet an SQL condition."""
    return Rows(f"SELECT * FROM runs WHERE sweep_id = ? AND ({condition})", (sweep_id, *values))


def of_agent(agent_id: int, *states: str) -> Rows:
    """The runs of an agent, all or those in one of these states."""
    condition = f"AND state IN ({', '.join('?' * len(states))})" if states else ""
    return Rows(f"SELECT * FROM runs WHERE agent_id = ? {condition}", (agent_id, *states))


def heads(connection: sqlite3.Connection, sweep_id: int) -> list[sqlite3.Row]:
    """Return what early stopping needs of a sweep's runs, without their documents."""
    query = "SELECT id, name, state, stop_requested, history_lines FROM runs WHERE sweep_id = ?"
    return connection.execute(query, (sweep_id,)).fetchall()


def request_stops(connection: sqlite3.Connection, run_ids: list[int]) -> None:
    """Ask runs to stop. They are told through their streams, and their agents through heartbeats."""
    connection.executemany("UPDATE runs SET stop_requested = 1 WHERE id = ?", [(each,) for each in run_ids])


def drop_queued(connection: sqlite3.Connection, sweep_id: int) -> None:
    """Delete the runs that were queued for agents of a sweep.

    The sweep has ended, and none of them has begun.
    """
    connection.execute(
        "DELETE FROM runs WHERE sweep_id = ? AND state = 'pending' AND agent_id IS NULL"
        " AND parameters IS NOT NULL",
        (sweep_id,),
    )


def blobs(connection: sqlite3.Connection, run_id: int) -> list[str]:
    """The blobs of a run's files."""
    query = "SELECT blob FROM files WHERE run_id = ? AND blob IS NOT NULL"
    return [row["blob"] for row in connection.execute(query, (run_id,))]


def delete(connection: sqlite3.Connection, run_id: int) -> None:
    """Delete a run with its streams and its files."""
    connection.execute("DELETE FROM runs WHERE id = ?", (run_id,))
