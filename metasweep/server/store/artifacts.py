"""Artifact versions: creating, committing and deleting their rows."""

import json
import sqlite3
from typing import Any

from metasweep.server.store import collections
from metasweep.server.store.base.database import insert, now, update
from metasweep.server.store.base.rows import Rows, known


def find_same(
    connection: sqlite3.Connection,
    collection_id: int,
    digest: str,
    client_id: str | None,
    distributed_id: str | None,
) -> sqlite3.Row | None:
    """Return the version that a new one would repeat.

    It was sent again, has the same content, or has parts.
    """
    query = (
        "SELECT * FROM artifacts WHERE collection_id = :collection AND ("
        " (state = 'PENDING' AND (client_id = :client OR distributed_id = :distributed))"
        " OR (state = 'COMMITTED' AND digest = :digest AND :distributed IS NULL)"
        ") ORDER BY id DESC LIMIT 1"
    )
    values = {
        "collection": collection_id,
        "client": client_id,
        "distributed": distributed_id,
        "digest": digest,
    }
    return connection.execute(query, values).fetchone()


def make(connection: sqlite3.Connection, collection_id: int, **columns: Any) -> sqlite3.Row:
    """Create a version. It is pending until it is committed."""
    times = {"created_at": now(), "updated_at": now()}
    number = insert(connection, "artifacts", collection_id=collection_id, state="PENDING", **columns, **times)
    return known(connection, "artifacts", number)


def note_logged(connection: sqlite3.Connection, run_id: int, artifact_id: int) -> None:
    """Record that a run logged a version."""
    connection.execute("INSERT OR IGNORE INTO logged_artifacts VALUES (?, ?)", (run_id, artifact_id))


def note_used(connection: sqlite3.Connection, run_id: int, artifact_id: int) -> None:
    """Record that a run uses a version."""
    connection.execute("INSERT OR IGNORE INTO used_artifacts VALUES (?, ?)", (run_id, artifact_id))


def logged_by(run_id: int) -> Rows:
    """The versions that a run logged."""
    return Rows(
        "SELECT artifacts.* FROM artifacts JOIN logged_artifacts ON artifact_id = artifacts.id"
        " WHERE logged_artifacts.run_id = ? AND state = 'COMMITTED'",
        (run_id,),
    )


def used_by(run_id: int) -> Rows:
    """The versions that a run used."""
    return Rows(
        "SELECT artifacts.* FROM artifacts JOIN used_artifacts ON artifact_id = artifacts.id"
        " WHERE used_artifacts.run_id = ? AND state = 'COMMITTED'",
        (run_id,),
    )


def users(artifact_id: int) -> Rows:
    """The runs that used a version."""
    return Rows(
        "SELECT runs.* FROM runs JOIN used_artifacts ON run_id = runs.id WHERE artifact_id = ? ORDER BY id",
        (artifact_id,),
    )


def by_client_id(connection: sqlite3.Connection, client_id: str) -> sqlite3.Row | None:
    """The committed version that a client knows by an id of its own."""
    query = "SELECT * FROM artifacts WHERE client_id = ? AND state = 'COMMITTED'"
    return connection.execute(query, (client_id,)).fetchone()


def size_and_count(connection: sqlite3.Connection, artifact_id: int) -> tuple[int, int]:
    """Return the bytes and the number of a version's entries, including references."""
    query = (
        "SELECT coalesce(sum(size), 0), count(*) FROM files"
        " WHERE artifact_id = ? AND manifest = 0 AND (blob IS NOT NULL OR ref IS NOT NULL)"
    )
    return tuple(connection.execute(query, (artifact_id,)).fetchone())


def commit(connection: sqlite3.Connection, artifact: sqlite3.Row, digest: str) -> None:
    """Make a pending version final: it gets its number and its aliases."""
    number = collections.next_version(connection, artifact["collection_id"])
    update(
        connection,
        "artifacts",
        artifact["id"],
        state="COMMITTED",
        digest=digest,
        version_index=number,
        updated_at=now(),
    )
    names = ["latest", *json.loads(artifact["wanted_aliases"])]
    collections.set_aliases(connection, artifact["collection_id"], artifact["id"], names)


def delete(connection: sqlite3.Connection, artifact: sqlite3.Row) -> list[str]:
    """Delete a version with its aliases and links; return the blobs of its files."""
    shown_in = {row["member_of"] for row in collections.memberships(artifact["id"]).all(connection)}
    blobs = blobs_of(connection, "artifacts.id = ?", artifact["id"])
    connection.execute("DELETE FROM artifacts WHERE id = ?", (artifact["id"],))
    for collection_id in shown_in:
        collections.keep_latest(connection, collection_id)
    return blobs


def of_collection(collection_id: int) -> Rows:
    """The versions that were logged to a collection, in any state."""
    return Rows("SELECT * FROM artifacts WHERE collection_id = ?", (collection_id,))


def made_by(run_id: int) -> Rows:
    """The versions that a run logged first."""
    return Rows("SELECT * FROM artifacts WHERE run_id = ?", (run_id,))


def expired(moment: str) -> Rows:
    """The versions whose time to live is over, except those that a portfolio shows."""
    return Rows(
        "SELECT * FROM artifacts WHERE ttl > 0 AND state = 'COMMITTED'"
        " AND strftime('%s', created_at) + ttl < CAST(strftime('%s', ?) AS INTEGER)"
        " AND id NOT IN (SELECT artifact_id FROM links)",
        (moment,),
    )


def blobs_of(connection: sqlite3.Connection, condition: str, value: int) -> list[str]:
    """Return the blobs of all versions that match an SQL condition."""
    query = f"SELECT blob FROM files JOIN artifacts ON artifacts.id = artifact_id WHERE {condition}"
    return [row["blob"] for row in connection.execute(query, (value,)) if row["blob"]]
