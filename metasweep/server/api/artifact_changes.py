"""Making, committing, changing and deleting artifacts."""

import json
import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import artifacts
from metasweep.server.context import Context
from metasweep.server.errors import BadRequest, NotFound
from metasweep.server.store import database, ids, projects, rows
from metasweep.server.store import runs as run_rows
from metasweep.server.store.database import now
from metasweep.server.store.names import check_name
from metasweep.server.stream import files
from metasweep.server.stream.streams import parse_object

MANIFEST = "wandb_manifest.json"


def find(connection: sqlite3.Connection, opaque: str | None) -> sqlite3.Row:
    """The artifact behind an id, or NotFound."""
    return rows.by_id(connection, "artifacts", "Artifact", opaque)


def collection_for(connection: sqlite3.Connection, fields: dict[str, Any]) -> sqlite3.Row:
    """The collection that a new artifact goes to, made when it is new."""
    name = fields.get("artifactCollectionName") or next(
        iter(fields.get("artifactCollectionNames") or []), None
    )
    if not name:
        raise BadRequest("artifactCollectionName: the name of the artifact is needed")
    project, _ = projects.find_or_make(connection, fields["entityName"], fields["projectName"])
    kind = fields["artifactTypeName"]
    connection.execute(
        "INSERT OR IGNORE INTO collections (project_id, type, name, created_at, updated_at)"
        " VALUES (?, ?, ?, ?, ?)",
        (project["id"], kind, check_name(name, "artifact"), now(), now()),
    )
    collection = artifacts.find_collection(connection, project["id"], name)
    assert collection is not None
    if collection["type"] != kind:
        raise BadRequest(f"artifact {name} is of type {collection['type']}, not {kind[:80]}")
    return collection


def known(
    connection: sqlite3.Connection, collection: sqlite3.Row, fields: dict[str, Any]
) -> sqlite3.Row | None:
    """A version with the same content, or the same one sent again."""
    query = (
        "SELECT * FROM artifacts WHERE collection_id = ? AND ((client_id = ? AND state = 'PENDING')"
        " OR (digest = ? AND state = 'COMMITTED')) ORDER BY id DESC LIMIT 1"
    )
    return connection.execute(query, (collection["id"], fields.get("clientID"), fields["digest"])).fetchone()


def create_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """A new version, pending until it is committed; a known one when the content is the same."""
    aliases = [item["alias"] for item in input.get("aliases") or []]

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        collection = collection_for(connection, input)
        run = None
        if input.get("runName"):
            run = run_rows.find(connection, collection["project_id"], input["runName"])
        found = known(connection, collection, input)
        if found is None:
            artifact_id = insert(connection, collection, run, input, aliases)
        else:
            artifact_id = found["id"]
            if found["state"] == "COMMITTED":
                set_aliases(connection, found, aliases)
        return connection.execute("SELECT * FROM artifacts WHERE id = ?", (artifact_id,)).fetchone()

    return {"artifact": info.context.database.write(job)}


def insert(
    connection: sqlite3.Connection,
    collection: sqlite3.Row,
    run: sqlite3.Row | None,
    fields: dict[str, Any],
    aliases: list[str],
) -> int:
    """The row of a pending version; its id."""
    tags = [tag["tagName"] for tag in fields.get("tags") or []]
    return database.insert(
        connection,
        "artifacts",
        collection_id=collection["id"],
        run_id=run["id"] if run else None,
        client_id=fields.get("clientID"),
        state="PENDING",
        digest=fields["digest"],
        description=fields.get("description"),
        metadata=fields.get("metadata"),
        tags=json.dumps(tags),
        wanted_aliases=json.dumps(aliases),
        history_step=fields.get("historyStep"),
        created_at=now(),
        updated_at=now(),
    )


def set_aliases(connection: sqlite3.Connection, artifact: sqlite3.Row, aliases: list[str]) -> None:
    """Give aliases to a version; another that had one loses it."""
    rows = [(artifact["collection_id"], alias, artifact["id"]) for alias in aliases]
    connection.executemany("INSERT OR REPLACE INTO aliases VALUES (?, ?, ?)", rows)


def manifest_file(context: Context, artifact_id: str) -> dict[str, Any]:
    """The manifest of a pending version, announced."""

    def job(connection: sqlite3.Connection) -> tuple[int, sqlite3.Row]:
        artifact = find(connection, artifact_id)
        file_id = files.announce(
            connection, "artifact_id", artifact["id"], MANIFEST, "application/json", manifest=True
        )
        return artifact["id"], connection.execute("SELECT * FROM files WHERE id = ?", (file_id,)).fetchone()

    number, file = context.database.write(job)
    return {"artifact_manifest": {"id": ids.encode("ArtifactManifest", number), "file": file}}


def create_manifest(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Announce the list of a version's files."""
    return manifest_file(info.context, input["artifactID"])


def update_manifest(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Announce the list again."""
    number = ids.decode("ArtifactManifest", input["artifactManifestID"])
    if number is None:
        raise NotFound("no such manifest")
    return manifest_file(info.context, ids.encode("Artifact", number))


def create_files(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Announce files of a version; one answer for each, in the same order."""

    def job(connection: sqlite3.Connection) -> list[dict[str, Any]]:
        edges = []
        for spec in input["artifactFiles"]:
            artifact = find(connection, spec["artifactID"])
            file_id = files.announce(
                connection, "artifact_id", artifact["id"], spec["name"], spec.get("mimetype")
            )
            file = dict(connection.execute("SELECT * FROM files WHERE id = ?", (file_id,)).fetchone())
            edges.append({"node": file | {"artifact": artifact}})
        return edges

    return {"files": {"edges": info.context.database.write(job), "page_info": {"has_next_page": False}}}


def commit_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make a version final: it gets its number and its aliases. Again changes nothing."""
    context = info.context
    inherited = inherited_entries(context, find(context.database.read(), input["artifactID"]))

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = find(connection, input["artifactID"])
        if artifact["state"] == "PENDING":
            commit(connection, artifact, inherited)
        return find(connection, input["artifactID"])

    return {"artifact": context.database.write(job)}


def inherited_entries(context: Context, artifact: sqlite3.Row) -> list[tuple[str, int]]:
    """What the manifest takes over from older versions: (name, id of the artifact that brought it)."""
    query = "SELECT blob FROM files WHERE artifact_id = ? AND manifest AND blob IS NOT NULL"
    file = context.database.read().execute(query, (artifact["id"],)).fetchone()
    if file is None:
        raise BadRequest("the manifest was not uploaded")
    manifest = parse_object(files.blob_path(context.server, file["blob"]).read_text(), "manifest")
    entries = manifest.get("contents")
    if not isinstance(entries, dict):
        raise BadRequest("manifest: contents is not an object")
    found = []
    for name, entry in entries.items():
        birth = ids.decode("Artifact", entry.get("birthArtifactID")) if isinstance(entry, dict) else None
        if birth is not None and birth != artifact["id"]:
            found.append((name, birth))
    return found


def commit(connection: sqlite3.Connection, artifact: sqlite3.Row, inherited: list[tuple[str, int]]) -> None:
    """Number a version, give it its aliases and the files of older versions that it keeps."""
    for name, birth in inherited:
        connection.execute(
            "INSERT OR IGNORE INTO files (artifact_id, name, blob, size, md5, mimetype, updated_at)"
            " SELECT ?, name, blob, size, md5, mimetype, updated_at FROM files"
            " WHERE artifact_id = ? AND name = ? AND NOT manifest",
            (artifact["id"], birth, name),
        )
    connection.execute(
        "UPDATE artifacts SET state = 'COMMITTED', updated_at = ?, version_index = (SELECT"
        " coalesce(max(version_index), -1) + 1 FROM artifacts WHERE collection_id = ?) WHERE id = ?",
        (now(), artifact["collection_id"], artifact["id"]),
    )
    set_aliases(connection, artifact, ["latest", *json.loads(artifact["wanted_aliases"])])


def update_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Change the texts, tags and aliases of a version."""

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = find(connection, input["artifactID"])
        removed = {tag["tagName"] for tag in input.get("tagsToDelete") or []}
        added = [tag["tagName"] for tag in input.get("tagsToAdd") or []]
        tags = [tag for tag in dict.fromkeys([*json.loads(artifact["tags"]), *added]) if tag not in removed]
        connection.execute(
            "UPDATE artifacts SET description = coalesce(?, description), metadata = coalesce(?, metadata),"
            " tags = ?, updated_at = ? WHERE id = ?",
            (input.get("description"), input.get("metadata"), json.dumps(tags), now(), artifact["id"]),
        )
        if input.get("aliases") is not None:
            connection.execute("DELETE FROM aliases WHERE artifact_id = ?", (artifact["id"],))
            set_aliases(connection, artifact, [item["alias"] for item in input["aliases"]])
        return find(connection, input["artifactID"])

    return {"artifact": info.context.database.write(job)}


def delete_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete a version and its files."""

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
        artifact = find(connection, input["artifactID"])
        return artifact, remove(connection, "artifacts.id = ?", artifact["id"])

    artifact, blobs = info.context.database.write(job)
    files.remove_blobs(info.context.server, blobs)
    return {"artifact": artifact}


def remove(connection: sqlite3.Connection, condition: str, value: int) -> list[str]:
    """Delete the versions that meet an SQL condition; the blobs to remove."""
    query = f"SELECT blob FROM files JOIN artifacts ON artifacts.id = artifact_id WHERE {condition}"
    blobs = [row["blob"] for row in connection.execute(query, (value,)) if row["blob"]]
    connection.execute(f"DELETE FROM artifacts WHERE {condition}", (value,))
    return files.unnamed(connection, blobs)


def use_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Record that a run uses a version."""

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        artifact = find(connection, input["artifactID"])
        entity = input.get("entityName") or info.context.settings.entity
        run = run_rows.by_path(connection, entity, input.get("projectName") or "", input["runName"])
        connection.execute("INSERT OR IGNORE INTO used_artifacts VALUES (?, ?)", (run["id"], artifact["id"]))
        return artifact

    return {"artifact": info.context.database.write(job)}


def change_aliases(add: bool) -> Any:
    """A resolver that adds or removes aliases of a version."""

    def resolve(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
        names = [item["alias"] for item in input["aliases"]]

        def job(connection: sqlite3.Connection) -> None:
            artifact = find(connection, input["artifactID"])
            if add:
                set_aliases(connection, artifact, names)
                return
            rows = [(artifact["id"], name) for name in names]
            connection.executemany("DELETE FROM aliases WHERE artifact_id = ? AND alias = ?", rows)

        info.context.database.write(job)
        return {"success": True}

    return resolve


def delete_collection(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete a collection with all its versions."""

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row, list[str]]:
        collection = rows.by_id(connection, "collections", "ArtifactSequence", input["artifactSequenceID"])
        blobs = remove(connection, "collection_id = ?", collection["id"])
        connection.execute("DELETE FROM collections WHERE id = ?", (collection["id"],))
        return collection, blobs

    collection, blobs = info.context.database.write(job)
    files.remove_blobs(info.context.server, blobs)
    return {"artifact_collection": collection}


def update_collection(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Rename or describe a collection."""

    def job(connection: sqlite3.Connection) -> sqlite3.Row:
        collection = rows.by_id(connection, "collections", "ArtifactSequence", input["artifactSequenceID"])
        name = check_name(input.get("name") or collection["name"], "artifact")
        holder = artifacts.find_collection(connection, collection["project_id"], name)
        if holder is not None and holder["id"] != collection["id"]:
            raise BadRequest(f"there is an artifact {name} already")
        connection.execute(
            "UPDATE collections SET name = ?, description = coalesce(?, description), updated_at = ?"
            " WHERE id = ?",
            (name, input.get("description"), now(), collection["id"]),
        )
        return rows.by_id(connection, "collections", "ArtifactSequence", input["artifactSequenceID"])

    return {"artifact_collection": info.context.database.write(job)}


def no_multipart(_source: Any, _info: GraphQLResolveInfo, input: dict[str, Any]) -> None:  # noqa: ARG001
    """This server takes files of any size in one piece and never offers parts."""
    raise BadRequest("uploads in parts are not offered")


RESOLVERS = {
    "Mutation": {
        "createArtifact": create_artifact,
        "createArtifactManifest": create_manifest,
        "updateArtifactManifest": update_manifest,
        "createArtifactFiles": create_files,
        "completeMultipartUploadArtifact": no_multipart,
        "commitArtifact": commit_artifact,
        "updateArtifact": update_artifact,
        "deleteArtifact": delete_artifact,
        "useArtifact": use_artifact,
        "addAliases": change_aliases(add=True),
        "deleteAliases": change_aliases(add=False),
        "deleteArtifactSequence": delete_collection,
        "updateArtifactSequence": update_collection,
    }
}
