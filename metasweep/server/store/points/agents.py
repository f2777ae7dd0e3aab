"""The rows of agents. api/agents.py decides what they are answered."""

import sqlite3

from metasweep.server.store.base import ids
from metasweep.server.store.base.database import insert, now, one_of, time_ago
from metasweep.server.store.base.rows import Rows, known
from metasweep.sweeps.states import OPEN

STANDBY = 2  # idle agents that wait for each open run
PRESENT_SECONDS = 10.0  # an agent that asked within this time is alive; W&B's own agents ask every 5 s


def make(connection: sqlite3.Connection, sweep_id: int, host: str) -> sqlite3.Row:
    """A new agent of a sweep."""
    time = now()
    number = insert(
        connection,
        "agents",
        sweep_id=sweep_id,
        name=ids.short(),
        host=host,
        state="RUNNING",
        created_at=time,
        heartbeat_at=time,
    )
    return known(connection, "agents", number)


def of_sweep(sweep_id: int) -> Rows:
    """The agents of a sweep, in the order in which they came."""
    return Rows("SELECT * FROM agents WHERE sweep_id = ? ORDER BY id", (sweep_id,))


def find(connection: sqlite3.Connection, sweep_id: int, name: str) -> sqlite3.Row | None:
    """The agent of a sweep with that name or opaque id."""
    query = "SELECT * FROM agents WHERE sweep_id = ? AND (name = ? OR id = ?)"
    return connection.execute(query, (sweep_id, name, ids.decode("Agent", name))).fetchone()


def note_heartbeat(connection: sqlite3.Connection, agent_id: int) -> None:
    """Store that an agent has sent a heartbeat."""
    connection.execute("UPDATE agents SET heartbeat_at = ?, standing_by = 0 WHERE id = ?", (now(), agent_id))


def stands_by(connection: sqlite3.Connection, sweep_id: int, agent_id: int) -> bool:
    """Return whether an idle agent should wait although no point is left: an open run may still release one.

    Two agents wait for each open run, the earliest ones; two, since one may have died. The others may end and
    save their walltime.
    """
    (open_runs,) = connection.execute(
        f"SELECT count(*) FROM runs WHERE sweep_id = ? AND state IN {one_of(OPEN)}",
        (sweep_id,),
    ).fetchone()
    (before,) = connection.execute(
        "SELECT count(*) FROM agents WHERE sweep_id = ? AND id < ? AND standing_by AND heartbeat_at >= ?",
        (sweep_id, agent_id, time_ago(PRESENT_SECONDS)),
    ).fetchone()
    stays = before < STANDBY * open_runs
    connection.execute("UPDATE agents SET standing_by = ? WHERE id = ?", (stays, agent_id))
    return stays
