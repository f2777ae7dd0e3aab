"""What the end of a run means for its point, and the end of points for their sweep.

The point of a failed, crashed or killed run is released until it has had all its attempts. A deleted run
releases its point as if it had never existed. A run that no agent received is not an attempt.
"""

import json
import sqlite3

from metasweep.server.store.base.database import now, one_of
from metasweep.server.store.base.rows import known
from metasweep.server.store.points.configs import config_of
from metasweep.sweeps.metric import Metric
from metasweep.sweeps.states import ENDED, LOST, OPEN


def change_state(connection: sqlite3.Connection, run: sqlite3.Row, state: str, max_attempts: int) -> None:
    """Set a run's state. Its point is released, or reserved again."""
    if state == run["state"]:
        return
    received = run["acknowledged"] or state not in ("pending", "crashed")
    connection.execute(
        "UPDATE runs SET state = ?, updated_at = ?, acknowledged = ? WHERE id = ?",
        (state, now(), received, run["id"]),
    )
    if run["sweep_id"] is None:
        return
    if run["point"] is None:
        if not received and state == "crashed" and run["parameters"]:
            requeue(connection, run)
    # A run that was told to stop, by a person or by early stopping, is never tried again.
    elif state in LOST and not run["stop_requested"]:
        if attempts_of_others(connection, run) + received < max_attempts:
            release(connection, run)
    elif run["state"] in LOST:
        take_back(connection, run)
    if state in ENDED:
        finish_if_exhausted(connection, run["sweep_id"])


def requeue(connection: sqlite3.Connection, run: sqlite3.Row) -> None:
    """Queue a run again that its agent never received."""
    connection.execute("UPDATE runs SET state = 'pending', agent_id = NULL WHERE id = ?", (run["id"],))


def request_stop(connection: sqlite3.Connection, run: sqlite3.Row, max_attempts: int) -> None:
    """Ask a run to stop. It is told through its stream, and its agent through a heartbeat.

    A run that is preempted, lost or not handed out has no process to tell: it ends here. An ended run stays
    as it is.
    """
    if run["state"] in ("finished", "failed", "killed"):
        return
    connection.execute("UPDATE runs SET stop_requested = 1 WHERE id = ?", (run["id"],))
    queued = run["state"] == "pending" and run["agent_id"] is None
    if queued or run["state"] in ("preempted", "crashed"):
        asked = known(connection, "runs", run["id"])
        change_state(connection, asked, "killed", max_attempts)


def attempts_of_others(connection: sqlite3.Connection, run: sqlite3.Row) -> int:
    """Return how many other attempts a run's point has had.

    A run that its agent never received is not one.
    """
    query = "SELECT count(*) FROM runs WHERE sweep_id = ? AND point = ? AND id != ? AND acknowledged"
    return connection.execute(query, (run["sweep_id"], run["point"], run["id"])).fetchone()[0]


def release(connection: sqlite3.Connection, run: sqlite3.Row) -> bool:
    """Offer a run's point again, unless another run has it (a run may have come back).

    Return whether it is.
    """
    held = connection.execute(
        "SELECT 1 FROM runs WHERE sweep_id = ? AND point = ? AND id != ?"
        f" AND (state NOT IN {one_of(LOST)} OR stop_requested)",
        (run["sweep_id"], run["point"], run["id"]),
    ).fetchone()
    if held:
        return False
    queued = connection.execute(
        "INSERT OR IGNORE INTO freed_points (sweep_id, point, parameters) VALUES (?, ?, ?)",
        (run["sweep_id"], run["point"], run["parameters"]),
    ).rowcount
    connection.execute("UPDATE sweeps SET claimed = claimed - ? WHERE id = ?", (queued, run["sweep_id"]))
    reopen(connection, run["sweep_id"])
    return bool(queued)


def reopen(connection: sqlite3.Connection, sweep_id: int) -> None:
    """Hand out points of a sweep again that had finished because none was left."""
    query = "UPDATE sweeps SET state = 'RUNNING', exhausted = 0, updated_at = ? WHERE id = ? AND exhausted"
    connection.execute(query, (now(), sweep_id))


def take_back(connection: sqlite3.Connection, run: sqlite3.Row) -> None:
    """Do not offer the point of a run that came back, if no other run has it yet."""
    removed = connection.execute(
        "DELETE FROM freed_points WHERE sweep_id = ? AND point = ?", (run["sweep_id"], run["point"])
    ).rowcount
    connection.execute("UPDATE sweeps SET claimed = claimed + ? WHERE id = ?", (removed, run["sweep_id"]))


def finish_if_exhausted(connection: sqlite3.Connection, sweep_id: int) -> None:
    """Finish a sweep that has no point left to offer and no open run."""
    sweep = known(connection, "sweeps", sweep_id)
    if sweep["state"] not in ("RUNNING", "PENDING") or not all_claimed(connection, sweep):
        return
    open_work = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM freed_points WHERE sweep_id = :id) OR EXISTS (SELECT 1 FROM runs WHERE"
        f" sweep_id = :id AND state IN {one_of(OPEN)})",
        {"id": sweep_id},
    ).fetchone()[0]
    if not open_work:
        connection.execute("UPDATE sweeps SET state = 'FINISHED', exhausted = 1 WHERE id = ?", (sweep_id,))


def all_claimed(connection: sqlite3.Connection, sweep: sqlite3.Row) -> bool:
    """Return whether all new points are claimed, or run_cap is reached.

    Never true with a local scheduler, which counts its runs and ends its sweep itself.
    """
    if "scheduler" in config_of(connection, sweep):
        return False
    out_of_points = sweep["points"] is not None and sweep["next_point"] >= sweep["points"]
    return out_of_points or is_capped(connection, sweep["id"])


def is_capped(connection: sqlite3.Connection, sweep_id: int) -> bool:
    """Return whether a sweep has had as many runs as its run_cap allows."""
    sweep = known(connection, "sweeps", sweep_id)
    return bool(sweep["claimed"] >= config_of(connection, sweep).get("run_cap", float("inf")))


def finish_at_target(connection: sqlite3.Connection, sweep_id: int, summary: str) -> None:
    """Finish a sweep whose metric has reached its target. Running runs stop, and no more are handed out."""
    sweep = known(connection, "sweeps", sweep_id)
    config = config_of(connection, sweep)
    metric = Metric.of(config)
    if metric is None or "target" not in config["metric"] or sweep["state"] != "RUNNING":
        return
    value, target = metric.of_run(json.loads(summary)), config["metric"]["target"]
    if value is not None and not metric.is_better(target, than=value):
        connection.execute("UPDATE sweeps SET state = 'FINISHED' WHERE id = ?", (sweep_id,))


def release_deleted(connection: sqlite3.Connection, run: sqlite3.Row) -> None:
    """Release the point of a run that is going to be deleted, as if the run had never had it."""
    if run["point"] is not None and run["sweep_id"] is not None:
        release(connection, run)
