"""Queries whose rows are listed in pages, and rows by the opaque ids that clients use."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from metasweep.server.errors import NotFound
from metasweep.server.store.base import ids
from metasweep.server.store.base.order import Term, beyond, order_by


@dataclass(frozen=True)
class Rows:
    """A query whose rows can be listed in pages, counted, or read at once."""

    query: str
    values: tuple[Any, ...] = ()

    def all(self, connection: sqlite3.Connection) -> list[sqlite3.Row]:
        """Every row."""
        return connection.execute(self.query, self.values).fetchall()

    def first(self, connection: sqlite3.Connection) -> sqlite3.Row | None:
        """The first row, if there is one."""
        return connection.execute(self.query, self.values).fetchone()

    def count(self, connection: sqlite3.Connection) -> int:
        """How many rows there are."""
        return connection.execute(f"SELECT count(*) FROM ({self.query})", self.values).fetchone()[0]

    def page(
        self, connection: sqlite3.Connection, order: Sequence[Term], place: Sequence[Any] | None, limit: int
    ) -> list[sqlite3.Row]:
        """Return at most `limit` rows in that order, after the row with these values of the order's terms.

        The values of the terms are in the columns order_0, order_1, …
        """
        condition, values = beyond(order, place) if place is not None else ("1", [])
        terms = ", ".join(f"{term.expression} AS order_{i}" for i, term in enumerate(order))
        query = f"SELECT *, {terms} FROM ({self.query}) WHERE {condition} ORDER BY {order_by(order)} LIMIT ?"
        return connection.execute(query, (*self.values, *values, limit)).fetchall()


def by_id(connection: sqlite3.Connection, table: str, kind: str, opaque: str | None) -> sqlite3.Row:
    """The row of a table behind an opaque id of that kind, or NotFound."""
    row = get(connection, table, ids.decode(kind, opaque))
    if row is None:
        raise NotFound(f"{kind.lower()} {str(opaque)[:80]!r} not found")
    return row


def get(connection: sqlite3.Connection, table: str, number: int | None) -> sqlite3.Row | None:
    """The row of a table with that number."""
    return connection.execute(f"SELECT * FROM {table} WHERE id = ?", (number,)).fetchone()


def known(connection: sqlite3.Connection, table: str, number: int) -> sqlite3.Row:
    """Return the row with that number. It must exist: it was just written, or a foreign key refers to it."""
    row = get(connection, table, number)
    assert row is not None
    return row


def count(connection: sqlite3.Connection, table: str, column: str, number: int) -> int:
    """Return how many rows of a table refer to a row by that column."""
    query = f"SELECT count(*) FROM {table} WHERE {column} = ?"
    return connection.execute(query, (number,)).fetchone()[0]
