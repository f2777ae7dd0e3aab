"""Projects: finding and making them."""

import sqlite3

from metasweep.server.store.base.database import now
from metasweep.server.store.base.names import check_name
from metasweep.server.store.base.rows import Rows


def find(connection: sqlite3.Connection, entity: str, name: str) -> sqlite3.Row | None:
    """The project of that name."""
    query = "SELECT * FROM projects WHERE entity = ? AND name = ?"
    return connection.execute(query, (entity, name)).fetchone()


def find_or_make(connection: sqlite3.Connection, entity: str, name: str) -> tuple[sqlite3.Row, bool]:
    """Return the project with that name, and whether it was created. Call it within a write."""
    found = find(connection, entity, name)
    if found is not None:
        return found, False
    connection.execute(
        "INSERT INTO projects (entity, name, created_at) VALUES (?, ?, ?)",
        (check_name(entity, "entity"), check_name(name, "project"), now()),
    )
    made = find(connection, entity, name)
    assert made is not None
    return made, True


def of_entity(entity: str) -> Rows:
    """The projects of an entity."""
    return Rows("SELECT * FROM projects WHERE entity = ?", (entity,))
