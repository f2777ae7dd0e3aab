"""Reading the streams of a run: history, events (system metrics), logs (console lines)."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from metasweep.server.store.base.rows import Rows

Stream = Literal["history", "events", "logs"]
RECENT = 100


def lines(connection: sqlite3.Connection, stream: Stream, run_id: int) -> Iterator[str]:
    """Yield the lines of a stream in their order, each a JSON object."""
    query = f"SELECT text FROM {stream} WHERE run_id = ? ORDER BY line"
    return (text for (text,) in connection.execute(query, (run_id,)))


def steps(connection: sqlite3.Connection, run_id: int, low: int, high: int) -> list[str]:
    """The lines of history with low <= step < high."""
    query = "SELECT text FROM history WHERE run_id = ? AND step >= ? AND step < ? ORDER BY line"
    return [row[0] for row in connection.execute(query, (run_id, low, high))]


def last_lines(connection: sqlite3.Connection, stream: Stream, run_id: int, number: int) -> list[str]:
    """The last lines of a stream, in their order."""
    query = f"SELECT text FROM {stream} WHERE run_id = ? ORDER BY line DESC LIMIT ?"
    return [row[0] for row in connection.execute(query, (run_id, number))][::-1]


def newest_values(connection: sqlite3.Connection, run_id: int, keys: Iterable[str]) -> dict[str, Any]:
    """Return the last logged value of each key, if one of the last RECENT rows has it."""
    wanted, found = set(keys), dict[str, Any]()
    query = "SELECT text FROM history WHERE run_id = ? ORDER BY line DESC LIMIT ?"
    for (text,) in connection.execute(query, (run_id, RECENT)):
        row = json.loads(text)
        found |= {key: row[key] for key in wanted & row.keys()}
        wanted -= found.keys()
        if not wanted:
            break
    return found


def first_step(connection: sqlite3.Connection, run_id: int) -> int | None:
    """The smallest step of a run's history."""
    return connection.execute("SELECT min(step) FROM history WHERE run_id = ?", (run_id,)).fetchone()[0]


def cut(connection: sqlite3.Connection, run_id: int, step: int) -> tuple[int, int]:
    """Delete the history of a run after a step; return the number of lines left, and the last step."""
    connection.execute("DELETE FROM history WHERE run_id = ? AND step > ?", (run_id, step))
    query = (
        "SELECT max(coalesce(max(line), -1) + 1, 0), coalesce(max(step), -1) FROM history WHERE run_id = ?"
    )
    return tuple(connection.execute(query, (run_id,)).fetchone())


def log_lines(run_id: int, begin: int = 0) -> Rows:
    """The console lines of a run, starting at line `begin`."""
    return Rows("SELECT * FROM logs WHERE run_id = ? AND line >= ?", (run_id, begin))
