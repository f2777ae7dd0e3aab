"""The rows of files, of runs and of artifact versions. stream/files.py handles their bytes."""

import hashlib
import json
import mimetypes
import posixpath
import re
import sqlite3
from collections.abc import Iterator
from typing import Literal

from metasweep.server.store.base.database import insert, now
from metasweep.server.store.base.rows import Rows, get

Owner = Literal["run_id", "artifact_id"]
MIMETYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}( ?; ?[\w.+-]{1,50}=\"?[\w.+-]{1,50}\"?){0,3}", re.ASCII)
MAX_NAME = 1024  # characters
FULL, INCREMENT, PART = 1, 2, 3  # kinds of manifests


def safe_name(name: str) -> str:
    """Return the name if it can be stored, else a unique name made from it."""
    text = name.encode(errors="replace").decode()
    parts = text.replace("\\", "/").split("/")
    if text == name and 0 < len(name) <= MAX_NAME and "\0" not in name and parts[0] and ".." not in parts:
        return name
    kept = "/".join(part for part in text.replace("\0", "_").split("/") if part).replace("..", "__")
    mark = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{kept[: MAX_NAME - 9]}-{mark}"


def fit_type(mimetype: str | None) -> str:
    """Return the media type if it is valid in a header, else the general one for bytes."""
    return mimetype if mimetype and MIMETYPE.fullmatch(mimetype) else "application/octet-stream"


def announce(
    connection: sqlite3.Connection, owner: Owner, owner_id: int, name: str, mimetype: str | None = None
) -> int:
    """Return the id of a file of a run or a version; create it if needed."""
    kept = safe_name(name)
    query = f"SELECT id FROM files WHERE {owner} = ? AND name = ? AND manifest = 0"
    if found := connection.execute(query, (owner_id, kept)).fetchone():
        return found["id"]
    kind = fit_type(mimetype or mimetypes.guess_type(kept)[0])
    return insert(connection, "files", **{owner: owner_id}, name=kept, mimetype=kind, updated_at=now())


def announce_manifest(connection: sqlite3.Connection, artifact_id: int, name: str, kind: int) -> int:
    """Return the id of a version's manifest. Each run that writes a part has one of its own."""
    query = "SELECT id FROM files WHERE artifact_id = ? AND manifest = ?"
    found = connection.execute(query, (artifact_id, kind)).fetchall()
    if found and kind != PART:
        return found[0]["id"]
    if found:
        name = f"{name}.{len(found)}"
    return insert(
        connection,
        "files",
        artifact_id=artifact_id,
        name=name,
        mimetype="application/json",
        manifest=kind,
        updated_at=now(),
    )


def manifests(connection: sqlite3.Connection, artifact_id: int) -> list[sqlite3.Row]:
    """The uploaded manifests of a version, in the order in which they were announced."""
    query = "SELECT * FROM files WHERE artifact_id = ? AND manifest AND blob IS NOT NULL ORDER BY id"
    return connection.execute(query, (artifact_id,)).fetchall()


def replace_manifests(
    connection: sqlite3.Connection, artifact_id: int, name: str, blob: str, size: int, md5: str
) -> list[str]:
    """Make a blob the only manifest of a version; return the earlier blobs."""
    old = [row["blob"] for row in manifests(connection, artifact_id)]
    connection.execute("DELETE FROM files WHERE artifact_id = ? AND manifest", (artifact_id,))
    number = announce_manifest(connection, artifact_id, name, FULL)
    query = "UPDATE files SET blob = ?, size = ?, md5 = ? WHERE id = ?"
    connection.execute(query, (blob, size, md5, number))
    return old


def add_reference(
    connection: sqlite3.Connection, artifact_id: int, name: str, ref: str, size: int, digest: str
) -> None:
    """Add an entry of a version whose bytes are elsewhere."""
    number = announce(connection, "artifact_id", artifact_id, name)
    query = "UPDATE files SET ref = ?, size = ?, md5 = ? WHERE id = ?"
    connection.execute(query, (ref, size, digest, number))


def inherit(
    connection: sqlite3.Connection, artifact: sqlite3.Row, name: str, birth: int | None, digest: str
) -> None:
    """An entry whose bytes an older version brought: that of its birth, or any of the collection."""
    kept = safe_name(name)
    query = "SELECT 1 FROM files WHERE artifact_id = ? AND manifest = 0 AND name = ?"
    if connection.execute(query, (artifact["id"], kept)).fetchone():
        return  # its own bytes are here
    columns = "blob, size, md5, mimetype"
    found = "SELECT {} FROM files WHERE manifest = 0 AND blob IS NOT NULL AND {} LIMIT 1"
    born = found.format(columns, "artifact_id = :birth AND name = :name")
    same = found.format(
        columns,
        "md5 = :digest AND artifact_id IN (SELECT id FROM artifacts WHERE collection_id = :collection)",
    )
    source = f"(SELECT * FROM ({born}) UNION ALL SELECT * FROM ({same}))"
    connection.execute(
        f"INSERT INTO files (artifact_id, name, {columns}, updated_at)"
        f" SELECT :artifact, :name, {columns}, :now FROM {source} LIMIT 1",
        {
            "artifact": artifact["id"],
            "collection": artifact["collection_id"],
            "name": kept,
            "birth": birth,
            "digest": digest,
            "now": now(),
        },
    )


def uploaded(owner: Owner, owner_id: int, names: list[str] | None = None, pattern: str | None = None) -> Rows:
    """The files of a run or a version that are uploaded or references.

    All of them, those named, or those that are LIKE a pattern.
    """
    query = (
        f"SELECT * FROM files WHERE {owner} = ? AND manifest = 0 AND (blob IS NOT NULL OR ref IS NOT NULL)"
    )
    conditions: list[tuple[str, str]] = []
    if names:
        spellings = {*names, *map(posixpath.normpath, names)}  # ./data.txt and data.txt are the same
        conditions.append(("name IN (SELECT value FROM json_each(?))", json.dumps(sorted(spellings))))
    if pattern:
        conditions.append(("name LIKE ?", pattern))
    text = "".join(f" AND {condition}" for condition, _ in conditions)
    return Rows(query + text, (owner_id, *(value for _, value in conditions)))


def set_content(connection: sqlite3.Connection, file_id: int, blob: str, size: int, md5: str) -> None:
    """Make a blob the content of a file."""
    connection.execute(
        "UPDATE files SET blob = ?, size = ?, md5 = ?, updated_at = ? WHERE id = ?",
        (blob, size, md5, now(), file_id),
    )


def find_artifact_file(connection: sqlite3.Connection, md5: str) -> sqlite3.Row | None:
    """A file of some artifact with that MD5 (base64)."""
    query = "SELECT * FROM files WHERE md5 = ? AND artifact_id IS NOT NULL AND blob IS NOT NULL LIMIT 1"
    return connection.execute(query, (md5,)).fetchone()


def unnamed(connection: sqlite3.Connection, blobs: list[str]) -> list[str]:
    """Return the blobs that no row names any longer. Call it in the write that removed their rows."""
    query = "SELECT 1 FROM files WHERE blob = ?"
    return [blob for blob in blobs if connection.execute(query, (blob,)).fetchone() is None]


def delete(connection: sqlite3.Connection, file_id: int) -> list[str]:
    """Delete the row of a file; return its blob, if it has one."""
    row = get(connection, "files", file_id)
    connection.execute("DELETE FROM files WHERE id = ?", (file_id,))
    return [row["blob"]] if row and row["blob"] else []


def blobs(connection: sqlite3.Connection) -> Iterator[str]:
    """All blobs that a row names."""
    for (blob,) in connection.execute("SELECT DISTINCT blob FROM files WHERE blob IS NOT NULL"):
        yield blob
