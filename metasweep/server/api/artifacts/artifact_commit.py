"""Committing a version: completes its manifest, stores its entries as rows, gives it a number."""

import base64
import hashlib
import json
import sqlite3
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api.artifacts.artifact_changes import find
from metasweep.server.context import Context
from metasweep.server.documents import parse_object
from metasweep.server.errors import BadRequest
from metasweep.server.store import artifacts
from metasweep.server.store import files as file_rows
from metasweep.server.store.base import ids
from metasweep.server.store.files import FULL, INCREMENT
from metasweep.server.stream import files

MANIFEST = "wandb_manifest.json"
PORTION = 2_000  # entries that become rows before others' writes have their turn
Entries = dict[str, dict[str, Any]]


@dataclass
class Whole:
    """The complete content of a version."""

    entries: Entries
    manifest: dict[str, Any] | None
    """The manifest made of several; None if the uploaded one is complete."""


def contents(manifest: dict[str, Any]) -> Entries:
    """Return the entries of a manifest; raise BadRequest."""
    entries = manifest.get("contents")
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        raise BadRequest("manifest: contents is not an object of objects")
    return entries


def read_manifest(context: Context, row: sqlite3.Row) -> dict[str, Any]:
    """Read an uploaded manifest; raise BadRequest."""
    return parse_object(files.blob_path(context.server, row["blob"]).read_bytes(), "manifest")


def put_together(context: Context, artifact: sqlite3.Row) -> Whole:
    """Return a version's complete content.

    That is the uploaded manifest, merged into its base or with its other parts.
    """
    read = context.database.read()
    sent = file_rows.manifests(read, artifact["id"])
    if not sent:
        raise BadRequest("the manifest was not uploaded")
    newest = read_manifest(context, sent[-1])
    if sent[-1]["manifest"] == FULL:
        return Whole(contents(newest), None)
    base = file_rows.manifests(read, artifact["base_id"]) if sent[-1]["manifest"] == INCREMENT else []
    entries: Entries = {}
    for row in [*base[-1:], *sent]:
        entries |= contents(read_manifest(context, row))
    return Whole(entries, newest | {"contents": entries})


def digest_of(entries: Entries) -> str:
    """Return the digest of a manifest as the client computes it.

    It is the MD5 over the sorted names and their digests.
    """
    lines = [f"{name}:{entries[name].get('digest')}\n" for name in sorted(entries)]
    text = "wandb-artifact-manifest-v1\n" + "".join(lines)
    return hashlib.md5(text.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest()


def add_entries(opaque_id: str, entries: Entries, connection: sqlite3.Connection) -> None:
    """Rows for those entries whose bytes were not uploaded for this version: references, what it keeps.

    Again changes nothing, so that a commit which was cut short can be repeated.
    """
    artifact = find(connection, opaque_id)
    for name, entry in entries.items():
        digest, size = str(entry.get("digest")), entry.get("size")
        if isinstance(entry.get("ref"), str):
            number = size if type(size) is int and 0 <= size < 2**62 else 0
            file_rows.add_reference(connection, artifact["id"], name, entry["ref"], number, digest)
            continue
        opaque = entry.get("birthArtifactID")
        birth = ids.decode("Artifact", opaque) if isinstance(opaque, str) else None
        file_rows.inherit(connection, artifact, name, birth, digest)


def commit_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make a version final. Doing it again changes nothing."""
    context = info.context
    artifact = find(context.database.read(), input["artifactID"])
    if artifact["state"] != "PENDING":
        return {"artifact": artifact}
    whole = put_together(context, artifact)
    for begin in range(0, len(whole.entries), PORTION):
        part = dict(islice(whole.entries.items(), begin, begin + PORTION))
        context.database.write(partial(add_entries, input["artifactID"], part))
    data = json.dumps(whole.manifest).encode() if whole.manifest else b""
    blob = files.write_blob(context.server, data) if data else ""

    def job(connection: sqlite3.Connection) -> list[str]:
        current = find(connection, input["artifactID"])
        if current["state"] != "PENDING":
            return [blob] if blob else []
        digest, old = current["digest"], []
        if blob:
            digest = digest_of(whole.entries)
            md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
            old = file_rows.replace_manifests(connection, current["id"], MANIFEST, blob, len(data), md5)
        artifacts.commit(connection, current, digest)
        return file_rows.unnamed(connection, old)

    files.remove_blobs(context.server, context.database.write(job))
    return {"artifact": find(context.database.read(), input["artifactID"])}


RESOLVERS = {"Mutation": {"commitArtifact": commit_artifact}}
