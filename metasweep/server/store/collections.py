"""Artifact collections: sequences, where runs log versions; portfolios, which link to versions; aliases."""

import json
import re
import sqlite3
from collections.abc import Iterable
from typing import Literal

from metasweep.server.errors import BadRequest
from metasweep.server.store.base.database import now, update
from metasweep.server.store.base.names import check_name
from metasweep.server.store.base.rows import Rows

Kind = Literal["SEQUENCE", "PORTFOLIO"]
VERSION = re.compile(r"v(\d{1,9})")
MEMBER = (
    "SELECT artifacts.*, members.collection_id AS member_of, members.version_index AS member_version,"
    " members.created_at AS member_since FROM members JOIN artifacts ON artifacts.id = members.artifact_id"
)
"""A version in a collection that shows it: the version's columns, and its number there."""


def find(connection: sqlite3.Connection, project_id: int, name: str) -> sqlite3.Row | None:
    """The collection of a project with that name."""
    query = "SELECT * FROM collections WHERE project_id = ? AND name = ?"
    return connection.execute(query, (project_id, name)).fetchone()


def find_or_make(
    connection: sqlite3.Connection, project_id: int, name: str, type_name: str, kind: Kind
) -> sqlite3.Row:
    """Return the collection with that name; create it if needed.

    BadRequest if it has another type or kind.
    """
    connection.execute(
        "INSERT OR IGNORE INTO collections (project_id, type, name, kind, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (project_id, type_name, check_name(name, "artifact"), kind, now(), now()),
    )
    found = find(connection, project_id, name)
    assert found is not None
    if found["type"] != type_name:
        raise BadRequest(f"artifact {name} is of type {found['type']}, not {type_name[:80]}")
    if found["kind"] != kind:
        what = "is logged to by runs" if found["kind"] == "SEQUENCE" else "holds links only"
        raise BadRequest(f"{name} {what}: choose another name")
    return found


def of_project(project_id: int, type_name: str | None = None) -> Rows:
    """The collections of a project, possibly of one type."""
    query = "SELECT * FROM collections WHERE project_id = ?"
    return Rows(f"{query} AND type = ?", (project_id, type_name)) if type_name else Rows(query, (project_id,))


def types(project_id: int, name: str | None = None) -> Rows:
    """The types of a project's collections, with the time of the first; all of them, or one by name."""
    query = "SELECT type, min(created_at) AS created_at FROM collections WHERE project_id = ?"
    values = (project_id,) if name is None else (project_id, name)
    return Rows(f"{query} {'' if name is None else 'AND type = ?'} GROUP BY type", values)


def versions(collection_id: int) -> Rows:
    """The versions that a collection shows."""
    return Rows(f"{MEMBER} WHERE members.collection_id = ?", (collection_id,))


def memberships(artifact_id: int) -> Rows:
    """A version in each collection that shows it, its own collection first."""
    return Rows(f"{MEMBER} WHERE members.artifact_id = ? ORDER BY member_since, member_of", (artifact_id,))


def find_version(connection: sqlite3.Connection, collection_id: int, name: str) -> sqlite3.Row | None:
    """Return the version of a collection with an alias or a number such as v3, as a member."""
    if match := VERSION.fullmatch(name):
        query = f"{MEMBER} WHERE members.collection_id = ? AND members.version_index = ?"
        return connection.execute(query, (collection_id, int(match[1]))).fetchone()
    query = (
        f"{MEMBER} JOIN aliases ON aliases.collection_id = members.collection_id"
        " AND aliases.artifact_id = artifacts.id WHERE members.collection_id = ? AND alias = ?"
    )
    return connection.execute(query, (collection_id, name)).fetchone()


def next_version(connection: sqlite3.Connection, collection_id: int) -> int:
    """Return a number that no version of a collection has had."""
    query = "UPDATE collections SET next_version = next_version + 1 WHERE id = ? RETURNING next_version - 1"
    return connection.execute(query, (collection_id,)).fetchone()[0]


def link(connection: sqlite3.Connection, collection_id: int, artifact_id: int) -> int:
    """Show a version in a portfolio; return its number there."""
    query = "SELECT version_index FROM links WHERE collection_id = ? AND artifact_id = ?"
    found = connection.execute(query, (collection_id, artifact_id)).fetchone()
    if found is not None:
        return found["version_index"]
    number = next_version(connection, collection_id)
    values = (collection_id, artifact_id, number, now())
    connection.execute("INSERT INTO links VALUES (?, ?, ?, ?)", values)
    return number


def unlink(connection: sqlite3.Connection, collection_id: int, artifact_id: int) -> None:
    """Remove a version from a portfolio."""
    for table in ("aliases", "links"):
        query = f"DELETE FROM {table} WHERE collection_id = ? AND artifact_id = ?"
        connection.execute(query, (collection_id, artifact_id))
    keep_latest(connection, collection_id)


def keep_latest(connection: sqlite3.Connection, collection_id: int) -> None:
    """Give the alias latest to the newest version, if no version has it."""
    connection.execute(
        "INSERT OR IGNORE INTO aliases SELECT collection_id, 'latest', artifact_id FROM members"
        " WHERE collection_id = ? ORDER BY version_index DESC LIMIT 1",
        (collection_id,),
    )


def aliases(artifact_id: int, collection_id: int | None = None) -> Rows:
    """The aliases of a version: in one collection, or in all that show it."""
    query = "SELECT * FROM aliases WHERE artifact_id = ?"
    if collection_id is None:
        return Rows(f"{query} ORDER BY alias", (artifact_id,))
    return Rows(f"{query} AND collection_id = ? ORDER BY alias", (artifact_id, collection_id))


def all_aliases(collection_id: int) -> Rows:
    """The aliases of a collection."""
    return Rows("SELECT * FROM aliases WHERE collection_id = ? ORDER BY alias", (collection_id,))


def set_aliases(
    connection: sqlite3.Connection, collection_id: int, artifact_id: int, names: Iterable[str]
) -> None:
    """Give aliases to a version in a collection. Another version loses them."""
    values = [(collection_id, name, artifact_id) for name in names]
    connection.executemany("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", values)


def remove_aliases(
    connection: sqlite3.Connection, collection_id: int, artifact_id: int, names: Iterable[str] | None = None
) -> None:
    """Take aliases from a version in a collection: those named, or all."""
    query = "DELETE FROM aliases WHERE collection_id = ? AND artifact_id = ?"
    if names is None:
        connection.execute(query, (collection_id, artifact_id))
    else:
        values = [(collection_id, artifact_id, name) for name in names]
        connection.executemany(f"{query} AND alias = ?", values)


def change_tags(
    connection: sqlite3.Connection, collection: sqlite3.Row, added: list[str], removed: list[str]
) -> None:
    """Add tags to a collection and take others from it."""
    tags = [tag for tag in dict.fromkeys([*json.loads(collection["tags"]), *added]) if tag not in removed]
    update(connection, "collections", collection["id"], tags=json.dumps(tags), updated_at=now())


def delete(connection: sqlite3.Connection, collection_id: int) -> None:
    """Delete a collection with its versions and links."""
    connection.execute("DELETE FROM collections WHERE id = ?", (collection_id,))
