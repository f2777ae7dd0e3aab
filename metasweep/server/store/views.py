"""What the pages read, as named queries. `run_id`, `sweep_id` and `project_id` are the ids of rows."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any, Literal

from metasweep.server.store.base.database import one_of
from metasweep.sweeps.states import ACTIVE, PREEMPTED

Scope = Literal["project", "sweep"]
RUN = """runs.id, runs.name, display_name, state, created_at, updated_at, heartbeat_at, history_lines,
    history_keys, summary, parameters, config, point, attempt, sweep, sweep_id, tags, notes, stop_requested"""
_OF = {"project": "project_id = ?", "sweep": "sweep_id = ?"}

# The points of each sweep, by the best outcome of their runs. Runs without a point count by themselves.
_POINTS = f"""
SELECT sweep_id, outcome, count(*) AS points FROM (
    SELECT runs.sweep_id AS sweep_id, min(CASE
        WHEN state = 'finished' THEN 0
        WHEN state = 'killed' AND stop_requested THEN 1
        WHEN state IN {one_of(ACTIVE)} THEN 2
        WHEN state = '{PREEMPTED}' OR freed_points.id IS NOT NULL THEN 3
        ELSE 4 END) AS outcome
    FROM runs LEFT JOIN freed_points
        ON freed_points.sweep_id = runs.sweep_id AND freed_points.point = runs.point
    WHERE runs.{{of}} AND runs.sweep_id IS NOT NULL
    GROUP BY runs.sweep_id, ifnull(runs.point, -runs.id)
) GROUP BY sweep_id, outcome
"""
OUTCOMES = ("finished", "stopped", "running", "again", "failed")

# Changes whenever a run changes. The sums show changes within one second, the resolution of the times;
# tags stand there whole, because two of one length are often exchanged.
_RUNS_VERSION = """
SELECT count(*), max(id), max(updated_at), max(heartbeat_at), sum(history_lines), sum(length(summary)),
    sum(unicode(state) * id % 1000003), sum(state = 'finished'), sum(state = 'running'),
    group_concat(nullif(tags, '[]')), sum(length(display_name)), sum(length(notes)), sum(stop_requested)
FROM runs WHERE {of}
"""
_SWEEPS_VERSION = """
SELECT count(*), max(updated_at), max(heartbeat_at), group_concat(state), sum(points),
    (SELECT count(*) FROM freed_points WHERE freed_points.sweep_id = sweeps.id) FROM sweeps WHERE {of}
"""


def projects(connection: sqlite3.Connection) -> list[sqlite3.Row]:
    """All projects with how many runs and sweeps they have, the most active first."""
    query = """
        SELECT projects.*, count(runs.id) AS runs, sum(runs.state = 'running') AS running,
            max(runs.heartbeat_at) AS active,
            (SELECT count(*) FROM sweeps WHERE project_id = projects.id) AS sweeps
        FROM projects LEFT JOIN runs ON runs.project_id = projects.id
        GROUP BY projects.id ORDER BY ifnull(max(runs.heartbeat_at), projects.created_at) DESC
    """
    return connection.execute(query).fetchall()


def runs(connection: sqlite3.Connection, scope: Scope, scope_id: int, limit: int) -> list[sqlite3.Row]:
    """Return the newest runs of a project or a sweep, at most `limit`, oldest first."""
    query = f"SELECT {RUN} FROM runs WHERE {_OF[scope]} ORDER BY id DESC LIMIT ?"
    return connection.execute(query, (scope_id, limit)).fetchall()[::-1]


def runs_named(connection: sqlite3.Connection, project_id: int, names: list[str]) -> list[sqlite3.Row]:
    """Return the named runs of a project (id, name, history_lines), in the order of their creation."""
    query = """
        SELECT id, name, history_lines FROM runs
        WHERE project_id = ? AND name IN (SELECT value FROM json_each(?)) ORDER BY id
    """
    return connection.execute(query, (project_id, json.dumps(names))).fetchall()


def logged_metrics(connection: sqlite3.Connection, scope: Scope, scope_id: int) -> list[str]:
    """Return the names of everything that runs of a project or sweep have logged as numbers, sorted."""
    query = f"""
        SELECT DISTINCT key FROM (SELECT DISTINCT history_keys FROM runs WHERE {_OF[scope]}) AS kinds,
            json_each(kinds.history_keys) WHERE json_each.value = 'number' ORDER BY key
    """
    return [key for (key,) in connection.execute(query, (scope_id,)) if not key.startswith("_")]


def count_runs(connection: sqlite3.Connection, scope: Scope, scope_id: int) -> int:
    """How many runs a project or a sweep has."""
    query = f"SELECT count(*) FROM runs WHERE {_OF[scope]}"
    return connection.execute(query, (scope_id,)).fetchone()[0]


def count_active(connection: sqlite3.Connection, sweep_id: int) -> int:
    """Return how many runs of a sweep agents have now."""
    query = f"SELECT count(*) FROM runs WHERE sweep_id = ? AND state IN {one_of(ACTIVE)}"
    return connection.execute(query, (sweep_id,)).fetchone()[0]


def added_points(connection: sqlite3.Connection, sweep: sqlite3.Row) -> int:
    """Return how many points a grid has besides its own; 0 for a sweep without a limit."""
    query = """
        SELECT count(*) FROM (SELECT point FROM runs WHERE sweep_id = :id AND point >= :own
            UNION SELECT point FROM freed_points WHERE sweep_id = :id AND point >= :own)
    """
    if sweep["points"] is None:
        return 0
    return connection.execute(query, {"id": sweep["id"], "own": sweep["points"]}).fetchone()[0]


def points(connection: sqlite3.Connection, scope: Scope, scope_id: int) -> Iterator[tuple[int, str, int]]:
    """(sweep_id, one of OUTCOMES, number of points) for a sweep or all sweeps of a project."""
    of = "project_id = ?" if scope == "project" else "sweep_id = ?"
    for sweep_id, outcome, count in connection.execute(_POINTS.format(of=of), (scope_id,)):
        yield sweep_id, OUTCOMES[outcome], count


def pace(connection: sqlite3.Connection, sweep_id: int, last: int) -> tuple[int, float]:
    """Of the last finished runs of a sweep: how many, and the seconds between the ends of first and last."""
    query = """
        SELECT count(*), ifnull((julianday(max(at)) - julianday(min(at))) * 86400, 0) FROM
            (SELECT heartbeat_at AS at FROM runs WHERE sweep_id = ? AND state = 'finished'
                ORDER BY heartbeat_at DESC LIMIT ?)
    """
    return tuple(connection.execute(query, (sweep_id, last)).fetchone())


def agents_at_work(connection: sqlite3.Connection, sweep_id: int) -> int:
    """Return how many agents of a sweep have an open run."""
    query = f"""
        SELECT count(*) FROM agents WHERE sweep_id = ? AND EXISTS
            (SELECT 1 FROM runs WHERE agent_id = agents.id AND runs.state IN {one_of(ACTIVE)})
    """
    return connection.execute(query, (sweep_id,)).fetchone()[0]


def history_since(connection: sqlite3.Connection, run_id: int, line: int) -> Iterator[tuple[int, str]]:
    """Yield (number, text) of the first line and of the lines from `line` on."""
    query = "SELECT line, text FROM history WHERE run_id = ? AND (line = 0 OR line >= ?) ORDER BY line"
    return ((number, text) for number, text in connection.execute(query, (run_id, line)))


def log(connection: sqlite3.Connection, run_id: int, first: int = 0) -> Iterator[sqlite3.Row]:
    """Yield the lines that a run has printed, from number `first` on."""
    query = "SELECT line, text FROM logs WHERE run_id = ? AND line >= ? ORDER BY line"
    return iter(connection.execute(query, (run_id, first)))


def files(connection: sqlite3.Connection, run_id: int, limit: int) -> list[sqlite3.Row]:
    """The uploaded files of a run by name, at most `limit`."""
    query = "SELECT * FROM files WHERE run_id = ? AND blob IS NOT NULL ORDER BY name LIMIT ?"
    return connection.execute(query, (run_id, limit)).fetchall()


def file(connection: sqlite3.Connection, run_id: int, name: str) -> sqlite3.Row | None:
    """An uploaded file of a run."""
    query = "SELECT * FROM files WHERE run_id = ? AND name = ? AND blob IS NOT NULL"
    return connection.execute(query, (run_id, name)).fetchone()


def artifacts(connection: sqlite3.Connection, run_id: int) -> list[sqlite3.Row]:
    """Return the artifacts that a run created or used: type, name, version, files, bytes, and `made`."""
    query = """
        SELECT artifacts.id, collections.type, collections.name, version_index, artifacts.created_at,
            artifacts.run_id = :run AS made,
            (SELECT group_concat(alias, ', ') FROM aliases WHERE artifact_id = artifacts.id) AS aliases,
            (SELECT count(*) FROM files WHERE artifact_id = artifacts.id AND manifest = 0) AS file_count,
            (SELECT total(size) FROM files WHERE artifact_id = artifacts.id AND manifest = 0) AS size
        FROM artifacts JOIN collections ON collections.id = collection_id
        WHERE artifacts.state = 'COMMITTED' AND (artifacts.run_id = :run
            OR artifacts.id IN (SELECT artifact_id FROM used_artifacts WHERE used_artifacts.run_id = :run))
        ORDER BY made DESC, collections.name, version_index
    """
    return connection.execute(query, {"run": run_id}).fetchall()


def artifact_files(connection: sqlite3.Connection, artifact_id: int, limit: int) -> list[sqlite3.Row]:
    """The files of an artifact that this server holds."""
    query = """
        SELECT * FROM files WHERE artifact_id = ? AND manifest = 0 AND blob IS NOT NULL ORDER BY name LIMIT ?
    """
    return connection.execute(query, (artifact_id, limit)).fetchall()


def artifact_file(
    connection: sqlite3.Connection, project_id: int, artifact: str, name: str
) -> sqlite3.Row | None:
    """Return a file of a committed artifact. `artifact` is the server's id or the client's."""
    query = """
        SELECT files.* FROM files JOIN artifacts ON artifacts.id = artifact_id
            JOIN collections ON collections.id = collection_id
        WHERE project_id = :project AND (artifacts.client_id = :artifact OR artifacts.id = :id)
            AND artifacts.state = 'COMMITTED' AND files.name = :name AND manifest = 0 AND blob IS NOT NULL
    """
    row_id = int(artifact) if artifact.isascii() and artifact.isdigit() and len(artifact) < 19 else -1
    values = {"project": project_id, "artifact": artifact, "id": row_id, "name": name}
    return connection.execute(query, values).fetchone()


def runs_version(connection: sqlite3.Connection, scope: Scope | None, scope_id: int = 0) -> tuple[Any, ...]:
    """Return numbers that change whenever runs of a project or a sweep change (None: of all)."""
    return _version(connection, _RUNS_VERSION, _OF[scope] if scope else "id > ?", scope_id)


def finished_version(connection: sqlite3.Connection, sweep_id: int) -> tuple[int, int]:
    """How many runs of a sweep have finished, and a number that is another when others have."""
    query = "SELECT count(*), ifnull(sum(id), 0) FROM runs WHERE sweep_id = ? AND state = 'finished'"
    return tuple(connection.execute(query, (sweep_id,)).fetchone())


def sweeps_version(connection: sqlite3.Connection, scope: Scope | None, scope_id: int = 0) -> tuple[Any, ...]:
    """The same for the sweeps of a project, for one sweep, or (None) for all sweeps."""
    of = {"project": "project_id = ?", "sweep": "id = ?", None: "id > ?"}[scope]
    return _version(connection, _SWEEPS_VERSION, of, scope_id)


def files_version(connection: sqlite3.Connection, run_id: int) -> tuple[Any, ...]:
    """The same for the files of a run."""
    query = "SELECT count(blob), max(updated_at), sum(size) FROM files WHERE {of}"
    return _version(connection, query, "run_id = ?", run_id)


def newest_project(connection: sqlite3.Connection) -> int:
    """Return the id of the newest project; 0 without any."""
    return connection.execute("SELECT ifnull(max(id), 0) FROM projects").fetchone()[0]


def _version(connection: sqlite3.Connection, query: str, of: str, scope_id: int) -> tuple[Any, ...]:
    return tuple(connection.execute(query.format(of=of), (scope_id,)).fetchone())
