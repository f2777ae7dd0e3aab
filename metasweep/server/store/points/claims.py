"""Which run gets which point of a sweep. What becomes of the point is in `outcomes`.

A claim is one immediate transaction. It offers preempted runs first, then released points, then the next new
point. Its cost does not grow with the number of finished points. Answers can get lost: an agent that asks
again at once gets the same run.
"""

import json
import random
import sqlite3
from typing import Any

from metasweep.server.store.base import ids
from metasweep.server.store.base.database import insert, now
from metasweep.server.store.points.configs import config_of, grid_of
from metasweep.server.store.points.outcomes import is_capped, reopen
from metasweep.sweeps import is_steered, sample

Point = dict[str, Any]


def claim(
    connection: sqlite3.Connection,
    sweep: sqlite3.Row,
    agent_id: int,
    username: str,
    suggestion: Point | None = None,
) -> dict[str, Any] | None:
    """Return the command that gives an agent its next run; None if no point is left.

    `suggestion` is the point of a search that learns (bayes), computed before the transaction.
    """
    run = connection.execute(
        "SELECT * FROM runs WHERE sweep_id = ? AND state = 'preempted' ORDER BY id LIMIT 1", (sweep["id"],)
    ).fetchone()
    if run is not None:
        connection.execute(
            "UPDATE runs SET state = 'pending', agent_id = ?, heartbeat_at = ?, acknowledged = 0"
            " WHERE id = ?",
            (agent_id, now(), run["id"]),
        )
        return command(connection, "resume", sweep, run["name"], json.loads(run["parameters"] or "{}"))
    if queued := take_queued(connection, sweep, agent_id):
        return queued
    config = config_of(connection, sweep)
    if is_steered(config) or is_capped(connection, sweep["id"]):
        return None
    taken = next_freed(connection, sweep) or next_new(connection, sweep, config, suggestion)
    if taken is None:
        return None
    point, parameters, attempt = taken
    name = new_run(connection, sweep, agent_id, username, point, parameters, attempt)
    return command(connection, "run", sweep, name, parameters)


def enqueue(
    connection: sqlite3.Connection,
    sweep: sqlite3.Row,
    username: str,
    parameters: Point,
    display_name: str | None,
) -> str:
    """Queue a run for the next agent of a sweep; return its name.

    It has no point of the server's own search.
    """
    name = new_run(connection, sweep, None, username, None, parameters, 1)
    if display_name:
        query = "UPDATE runs SET display_name = ? WHERE project_id = ? AND name = ?"
        connection.execute(query, (display_name, sweep["project_id"], name))
    return name


def take_queued(connection: sqlite3.Connection, sweep: sqlite3.Row, agent_id: int) -> dict[str, Any] | None:
    """Return the command for the run that was queued first; None without one."""
    run = connection.execute(
        "SELECT * FROM runs WHERE sweep_id = ? AND state = 'pending' AND agent_id IS NULL"
        " AND parameters IS NOT NULL ORDER BY id LIMIT 1",
        (sweep["id"],),
    ).fetchone()
    if run is None:
        return None
    connection.execute(
        "UPDATE runs SET agent_id = ?, heartbeat_at = ?, acknowledged = 0 WHERE id = ?",
        (agent_id, now(), run["id"]),
    )
    connection.execute("UPDATE agents SET total_runs = total_runs + 1 WHERE id = ?", (agent_id,))
    return command(connection, "run", sweep, run["name"], json.loads(run["parameters"]))


def repeat(connection: sqlite3.Connection, sweep: sqlite3.Row, agent_id: int) -> dict[str, Any] | None:
    """Return the command that the agent was given but seems not to have received; None without one."""
    run = connection.execute(
        "SELECT * FROM runs WHERE agent_id = ? AND state = 'pending' AND NOT acknowledged LIMIT 1",
        (agent_id,),
    ).fetchone()
    if run is None:
        return None
    connection.execute("UPDATE runs SET heartbeat_at = ? WHERE id = ?", (now(), run["id"]))
    kind = "run" if run["exit_code"] is None else "resume"
    return command(connection, kind, sweep, run["name"], json.loads(run["parameters"] or "{}"))


def acknowledge(connection: sqlite3.Connection, run: sqlite3.Row) -> None:
    """Store that the agent of a run has received it."""
    connection.execute("UPDATE runs SET acknowledged = 1 WHERE id = ?", (run["id"],))


def next_freed(connection: sqlite3.Connection, sweep: sqlite3.Row) -> tuple[int, Point, int] | None:
    """Take the point that was released first: (point, parameters, attempt)."""
    freed = connection.execute(
        "SELECT * FROM freed_points WHERE sweep_id = ? ORDER BY id LIMIT 1", (sweep["id"],)
    ).fetchone()
    if freed is None:
        return None
    connection.execute("DELETE FROM freed_points WHERE id = ?", (freed["id"],))
    query = "SELECT count(*) FROM runs WHERE sweep_id = ? AND point = ?"
    (attempts,) = connection.execute(query, (sweep["id"], freed["point"])).fetchone()
    return freed["point"], json.loads(freed["parameters"]), attempts + 1


def next_new(
    connection: sqlite3.Connection, sweep: sqlite3.Row, config: dict[str, Any], suggestion: Point | None
) -> tuple[int, Point, int] | None:
    """Take the next new point, but skip those that prior runs have finished."""
    point = sweep["next_point"]
    while connection.execute(
        "SELECT 1 FROM covered_points WHERE sweep_id = ? AND point = ?", (sweep["id"], point)
    ).fetchone():
        point += 1
    left = sweep["points"] is None or point < sweep["points"]
    connection.execute("UPDATE sweeps SET next_point = ? WHERE id = ?", (point + left, sweep["id"]))
    if not left:
        return None
    if sweep["method"] == "grid":
        return point, grid_of(connection, sweep).point(point), 1
    if suggestion is not None:
        return point, suggestion, 1
    return point, sample(config, random.Random(f"{sweep['seed']}/{point}")), 1


def new_run(
    connection: sqlite3.Connection,
    sweep: sqlite3.Row,
    agent_id: int | None,
    username: str,
    point: int | None,
    parameters: Point,
    attempt: int,
) -> str:
    """Create a pending run for a point, or one that is queued for any agent; return its name."""
    name, time = ids.short(), now()
    number = sweep["claimed"] if point is None else point
    kind = "point" if point is not None else "run"
    display_name = f"{kind}-{number + 1}" + (f"-attempt-{attempt}" if attempt > 1 else "")
    insert(
        connection,
        "runs",
        project_id=sweep["project_id"],
        name=name,
        display_name=display_name,
        state="pending",
        config=json.dumps({key: {"value": value, "desc": None} for key, value in parameters.items()}),
        username=username,
        created_at=time,
        updated_at=time,
        heartbeat_at=time,
        sweep=sweep["name"],
        sweep_id=sweep["id"],
        agent_id=agent_id,
        point=point,
        attempt=attempt,
        acknowledged=0,
        parameters=json.dumps(parameters),
    )
    connection.execute(
        "UPDATE sweeps SET claimed = claimed + 1, heartbeat_at = ? WHERE id = ?", (time, sweep["id"])
    )
    connection.execute("UPDATE agents SET total_runs = total_runs + 1 WHERE id = ?", (agent_id,))
    return name


def command(
    connection: sqlite3.Connection, kind: str, sweep: sqlite3.Row, run_name: str, parameters: Point
) -> dict[str, Any]:
    """Return the command to run something, with the run's display name, which W&B's server does not send."""
    query = "SELECT display_name FROM runs WHERE project_id = ? AND name = ?"
    (title,) = connection.execute(query, (sweep["project_id"], run_name)).fetchone()
    args = {key: {"value": value} for key, value in parameters.items()}
    program = config_of(connection, sweep).get("program")
    return {"type": kind, "run_id": run_name, "run_name": title, "args": args, "program": program}


def points_of(connection: sqlite3.Connection, sweep_id: int, names: list[str]) -> list[Point]:
    """Return the points of the named runs of a sweep, in the order of the runs' creation."""
    query = (
        "SELECT parameters FROM runs WHERE sweep_id = ? AND point IS NOT NULL"
        " AND name IN (SELECT value FROM json_each(?)) ORDER BY id"
    )
    found = connection.execute(query, (sweep_id, json.dumps(names)))
    return [json.loads(parameters) for (parameters,) in found]


def queue(connection: sqlite3.Connection, sweep: sqlite3.Row, points: list[Point]) -> None:
    """Offer points outside the grid, numbered after its own. Points that it already had are skipped."""
    numbers = {"id": sweep["id"], "own": sweep["points"]}
    query = (
        "SELECT point, parameters FROM runs WHERE sweep_id = :id AND point IS NOT NULL"
        " UNION ALL SELECT point, parameters FROM freed_points WHERE sweep_id = :id"
    )
    had, last = set(), sweep["points"] - 1
    for number, parameters in connection.execute(query, numbers):
        had.add(json.dumps(json.loads(parameters), sort_keys=True))
        last = max(last, number)
    for point in points:
        text = json.dumps(point, sort_keys=True)
        if text not in had:
            last += 1
            had.add(text)
            insert(connection, "freed_points", sweep_id=sweep["id"], point=last, parameters=json.dumps(point))
    reopen(connection, sweep["id"])
