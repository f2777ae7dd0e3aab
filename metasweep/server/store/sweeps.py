"""Sweeps: finding and changing them. claims.py hands out their points."""

import sqlite3

from metasweep.server.store.base.rows import Rows
from metasweep.server.store.points.configs import config_of


def find(connection: sqlite3.Connection, project_id: int, name: str) -> sqlite3.Row | None:
    """The sweep of that name."""
    query = "SELECT * FROM sweeps WHERE project_id = ? AND name = ?"
    return connection.execute(query, (project_id, name)).fetchone()


def of_project(project_id: int) -> Rows:
    """The sweeps of a project."""
    return Rows("SELECT * FROM sweeps WHERE project_id = ?", (project_id,))


def running() -> Rows:
    """All sweeps that hand out points."""
    return Rows("SELECT * FROM sweeps WHERE state = 'RUNNING'")


def expected_runs(connection: sqlite3.Connection, sweep: sqlite3.Row) -> int | None:
    """Return how many runs finish the sweep: the smaller of its grid and its cap; None without a limit."""
    cap = config_of(connection, sweep).get("run_cap")
    limits = [limit for limit in (sweep["points"], cap) if limit is not None]
    return min(limits) if limits else None


def begin(connection: sqlite3.Connection, sweep_id: int) -> None:
    """Start a sweep that waited for its first agent."""
    query = "UPDATE sweeps SET state = 'RUNNING' WHERE id = ? AND state = 'PENDING'"
    connection.execute(query, (sweep_id,))


def is_controller(connection: sqlite3.Connection, run: sqlite3.Row) -> bool:
    """Return whether a run holds the log of a local scheduler. Such a run ends without reporting it."""
    query = "SELECT 1 FROM sweeps WHERE project_id = ? AND controller_run = ?"
    return connection.execute(query, (run["project_id"], run["name"])).fetchone() is not None


def note_prior_run(connection: sqlite3.Connection, sweep_id: int, run_id: int) -> None:
    """Store that a run existed before the sweep that it was added to."""
    connection.execute("INSERT OR IGNORE INTO prior_runs VALUES (?, ?)", (sweep_id, run_id))


def prior_runs(sweep_id: int) -> Rows:
    """The prior runs of a sweep: those it was created with."""
    return Rows(
        "SELECT runs.* FROM runs JOIN prior_runs ON run_id = runs.id"
        " WHERE prior_runs.sweep_id = ? ORDER BY id",
        (sweep_id,),
    )


def cover(connection: sqlite3.Connection, sweep_id: int, point: int) -> None:
    """Store that a prior run has finished that point of a sweep's grid."""
    connection.execute("INSERT OR IGNORE INTO covered_points VALUES (?, ?)", (sweep_id, point))


def delete(connection: sqlite3.Connection, sweep_id: int) -> None:
    """Delete a sweep with its agents. Its runs stay, without a sweep."""
    connection.execute("UPDATE runs SET sweep = NULL, point = NULL WHERE sweep_id = ?", (sweep_id,))
    connection.execute("DELETE FROM sweeps WHERE id = ?", (sweep_id,))
