"""Writing the streams of a run: one row per line. A line that is sent twice is the same row."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Literal

PORTION = 10_000  # lines per read or delete, so that other writes need not wait for long


def put_history(connection: sqlite3.Connection, run_id: int, rows: Sequence[tuple[int, int, str]]) -> None:
    """Store lines of history: number, step and text of each."""
    values = [(run_id, *row) for row in rows]
    connection.executemany("INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?)", values)


def put_lines(
    connection: sqlite3.Connection,
    stream: Literal["events", "logs"],
    run_id: int,
    lines: Sequence[tuple[int, str]],
) -> None:
    """Store lines of another stream: number and text of each."""
    values = [(run_id, *line) for line in lines]
    connection.executemany(f"INSERT OR REPLACE INTO {stream} VALUES (?, ?, ?)", values)


def first_row(connection: sqlite3.Connection, run_id: int) -> str | None:
    """The first line of a run's history."""
    query = "SELECT text FROM history WHERE run_id = ? AND line = 0"
    found = connection.execute(query, (run_id,)).fetchone()
    return found and found["text"]


def clear_history(connection: sqlite3.Connection, run_id: int) -> None:
    """Delete the history of a run that was started again."""
    connection.execute("DELETE FROM history WHERE run_id = ?", (run_id,))


def rows_of_steps(
    connection: sqlite3.Connection, run_id: int, steps: Sequence[int]
) -> list[tuple[int, int, str]]:
    """Return lines of history with one of these steps, at most a portion: number, step and text of each."""
    query = (
        "SELECT line, step, text FROM history"
        " WHERE run_id = ? AND step IN (SELECT value FROM json_each(?)) LIMIT ?"
    )
    return [tuple(row) for row in connection.execute(query, (run_id, json.dumps(steps), PORTION))]


def first_line(connection: sqlite3.Connection, run_id: int) -> int:
    """Return the smallest line number of a history; below 0 if a fork took lines over from another run."""
    query = "SELECT coalesce(min(line), 0) FROM history WHERE run_id = ?"
    return connection.execute(query, (run_id,)).fetchone()[0]


def take_over(
    run_id: int, source: sqlite3.Row, last_step: int, first: int, connection: sqlite3.Connection
) -> None:
    """Copy a portion of a run's history, from line `first` up to a step, to a run that was forked from it.

    The client numbers the lines of the fork from 0, so lines before it get numbers below 0.
    """
    query = (
        "INSERT OR IGNORE INTO history SELECT :run, line - :shift, step, text FROM history"
        " WHERE run_id = :source AND line >= :first AND line < :end AND step <= :step"
    )
    values = {"run": run_id, "source": source["id"], "shift": source["history_lines"], "step": last_step}
    end = min(first + PORTION, source["history_lines"])
    connection.execute(query, values | {"first": first, "end": end})


def forget(
    connection: sqlite3.Connection,
    run_id: int,
    names: Sequence[str] = ("history", "events", "logs"),
    after: int | None = None,
) -> bool:
    """Delete a portion of the newest lines of a run's streams; return False when none has as many left.

    The first line stays: it distinguishes a run that is started again from one that continues. `after`: in
    the history, only delete lines with a larger step.
    """
    condition = "" if after is None else "AND step > :after"
    for name in names:
        query = (
            f"DELETE FROM {name} WHERE run_id = :run AND line IN (SELECT line FROM {name}"
            f" WHERE run_id = :run AND line > 0 {condition} ORDER BY line DESC LIMIT :most)"
        )
        values = {"run": run_id, "most": PORTION, "after": after}
        if connection.execute(query, values).rowcount == PORTION:
            return True
    return False


def rows_between(connection: sqlite3.Connection, run_id: int, begin: int, end: int) -> list[str]:
    """The lines of history with begin <= number < end."""
    query = "SELECT text FROM history WHERE run_id = ? AND line >= ? AND line < ? ORDER BY line"
    return [row["text"] for row in connection.execute(query, (run_id, begin, end))]
