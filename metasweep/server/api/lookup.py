"""Finding rows by the names and ids that clients use."""

import sqlite3
from typing import Any

from metasweep.server.context import Context
from metasweep.server.errors import BadRequest, NotFound
from metasweep.server.store import ids
from metasweep.server.store.database import now

MAX_NAME = 256


def check_name(name: str, what: str) -> str:
    """A name fit for URLs and for people, or BadRequest."""
    if not name or len(name) > MAX_NAME or any(c in name for c in "/\\#?%:\0\n\r\t"):
        raise BadRequest(f"not a name for a {what}: {name[:80]!r}")
    return name


def project(connection: sqlite3.Connection, entity: str, name: str) -> sqlite3.Row | None:
    """The project of that name."""
    return connection.execute(
        "SELECT * FROM projects WHERE entity = ? AND name = ?", (entity, name)
    ).fetchone()


def make_project(connection: sqlite3.Connection, entity: str, name: str) -> tuple[sqlite3.Row, bool]:
    """The project of that name and whether it had to be made. Within a write."""
    found = project(connection, entity, name)
    if found is not None:
        return found, False
    connection.execute(
        "INSERT INTO projects (entity, name, created_at) VALUES (?, ?, ?)",
        (check_name(entity, "entity"), check_name(name, "project"), now()),
    )
    made = project(connection, entity, name)
    assert made is not None
    return made, True


def by_id(connection: sqlite3.Connection, table: str, kind: str, opaque: str | None) -> sqlite3.Row:
    """The row behind an opaque id, or NotFound."""
    row = connection.execute(f"SELECT * FROM {table} WHERE id = ?", (ids.decode(kind, opaque),)).fetchone()
    if row is None:
        raise NotFound(f"{kind.lower()} {str(opaque)[:80]!r} not found")
    return row


def run(connection: sqlite3.Connection, project_id: int, name: str | None) -> sqlite3.Row | None:
    """The run with that client id."""
    return connection.execute(
        "SELECT * FROM runs WHERE project_id = ? AND name = ?", (project_id, name)
    ).fetchone()


def run_by_path(connection: sqlite3.Connection, entity: str, project_name: str, name: str) -> sqlite3.Row:
    """The run at ENTITY/PROJECT/RUN, or NotFound."""
    found = project(connection, entity, project_name)
    row = run(connection, found["id"], name) if found else None
    if row is None:
        raise NotFound(f"run {entity}/{project_name}/{name} not found")
    return row


def sweep(connection: sqlite3.Connection, project_id: int, name: str) -> sqlite3.Row | None:
    """The sweep of that name."""
    return connection.execute(
        "SELECT * FROM sweeps WHERE project_id = ? AND name = ?", (project_id, name)
    ).fetchone()


def entity(context: Context, name: str | None) -> dict[str, Any]:
    """An entity: a namespace, the server's own unless named."""
    return {"id": ids.encode("Entity", 1), "name": name or context.settings.entity}
