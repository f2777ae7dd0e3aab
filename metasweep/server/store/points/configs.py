"""The configurations of sweeps: their text, and their content.

A configuration may list a hundred thousand values. So it is stored apart from its sweep's row, parsed before
it is stored, and read once per process. A claim reads neither its text nor its values.
"""

import json
import secrets
import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from metasweep.sweeps import Grid, read_config

MOST_KEPT = 64


@dataclass(frozen=True)
class Config:
    """The content of a configuration. It is shared: do not change it."""

    mapping: dict[str, Any]

    @cached_property
    def grid(self) -> Grid:
        """The points of a grid search."""
        return Grid(self.mapping)


_kept: OrderedDict[str, Config] = OrderedDict()  # by key; the content of a key never changes
_lock = threading.Lock()


def new_key() -> str:
    """Return the key for a new configuration. It is unique over all databases."""
    return secrets.token_hex(16)


def add(connection: sqlite3.Connection, key: str, sweep_id: int, text: str, mapping: dict[str, Any]) -> None:
    """Store the configuration of a sweep; it replaces the one before."""
    connection.execute("DELETE FROM configs WHERE sweep_id = ?", (sweep_id,))
    connection.execute(
        "INSERT INTO configs (key, sweep_id, text, document) VALUES (?, ?, ?, ?)",
        (key, sweep_id, text, json.dumps(mapping)),
    )


def text_of(connection: sqlite3.Connection, sweep: sqlite3.Row) -> str:
    """The configuration of a sweep as the client sent it."""
    query = "SELECT text FROM configs WHERE key = ?"
    return connection.execute(query, (sweep["config_key"],)).fetchone()["text"]


def config_of(connection: sqlite3.Connection, sweep: sqlite3.Row) -> dict[str, Any]:
    """Return the content of a sweep's configuration. It is shared: do not change it."""
    return _of(connection, sweep["config_key"]).mapping


def grid_of(connection: sqlite3.Connection, sweep: sqlite3.Row) -> Grid:
    """The points of a sweep that searches a grid."""
    return _of(connection, sweep["config_key"]).grid


def prepare(connection: sqlite3.Connection, sweep: sqlite3.Row) -> None:
    """Load what a claim needs. The first time, this is slow for a long configuration."""
    if sweep["method"] == "grid":
        grid_of(connection, sweep)
    else:
        config_of(connection, sweep)


def _of(connection: sqlite3.Connection, key: str) -> Config:
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    row = connection.execute("SELECT text, document FROM configs WHERE key = ?", (key,)).fetchone()
    # An older version has stored only the text, after checking it.
    found = Config(json.loads(row["document"]) if row["document"] else read_config(row["text"]))
    with _lock:
        _kept[key] = found
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return found
