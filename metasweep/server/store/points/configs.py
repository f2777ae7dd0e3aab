"""The configurations of sweeps: as they were sent, and what they mean.

One may list a hundred thousand values. So it lies apart from its sweep's row, is parsed before it is stored,
and is read once per process: a claim looks at neither its text nor its values.
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
    """What a configuration means. Shared: nobody changes it."""

    mapping: dict[str, Any]

    @cached_property
    def grid(self) -> Grid:
        """The points of a grid search."""
        return Grid(self.mapping)


_kept: OrderedDict[str, Config] = OrderedDict()  # by key: a key stands for the same for ever
_lock = threading.Lock()


def new_key() -> str:
    """The key of a configuration that is going to be stored; unlike any other, also of another database."""
    return secrets.token_hex(16)


def add(connection: sqlite3.Connection, key: str, sweep_id: int, text: str, mapping: dict[str, Any]) -> None:
    """Store the configuration of a sweep, in the place of the one that it had."""
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
    """What the configuration of a sweep says. Shared: do not change it."""
    return _of(connection, sweep["config_key"]).mapping


def grid_of(connection: sqlite3.Connection, sweep: sqlite3.Row) -> Grid:
    """The points of a sweep that searches a grid."""
    return _of(connection, sweep["config_key"]).grid


def prepare(connection: sqlite3.Connection, sweep: sqlite3.Row) -> None:
    """Have ready what a claim needs: the first look at a long configuration takes a while."""
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
    # An older version has stored the text alone, which it had checked.
    found = Config(json.loads(row["document"]) if row["document"] else read_config(row["text"]))
    with _lock:
        _kept[key] = found
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return found
