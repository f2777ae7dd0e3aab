"""Files of runs and of artifact versions: their rows. The bytes lie under files/, see stream/files.py."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Literal

from metasweep.server.store.rows import Rows, get

Owner = Literal["run_id", "artifact_id"]


def uploaded(owner: Owner, owner_id: int, names: list[str] | None = None, pattern: str | None = None) -> Rows:
    """The uploaded files of a run or a version: all, those named, or those whose name is LIKE a pattern."""
    query, values = f"SELECT * FROM files WHERE {owner} = ? AND NOT manifest AND blob IS NOT NULL", [owner_id]
    conditions: list[tuple[str, str]] = []
    if names:
        conditions.append(("name IN (SELECT value FROM json_each(?))", json.dumps(names)))
    if pattern:
        conditions.append(("name LIKE ?", pattern))
    text = "".join(f" AND {condition}" for condition, _ in conditions)
    return Rows(query + text, (*values, *(value for _, value in conditions)))


def delete(connection: sqlite3.Connection, file_id: int) -> list[str]:
    """Delete the row of a file; its blob, if it has one."""
    row = get(connection, "files", file_id)
    connection.execute("DELETE FROM files WHERE id = ?", (file_id,))
    return [row["blob"]] if row and row["blob"] else []


def blobs(connection: sqlite3.Connection) -> Iterator[str]:
    """All blobs that a row names."""
    for (blob,) in connection.execute("SELECT DISTINCT blob FROM files WHERE blob IS NOT NULL"):
        yield blob
