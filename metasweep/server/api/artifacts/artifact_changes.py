"""Creating, changing and deleting artifact versions. artifact_commit.py commits them."""

import json
import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.errors import BadRequest
from metasweep.server.store import artifacts, collections, projects
from metasweep.server.store import files as file_rows
from metasweep.server.store.base import ids, rows
from metasweep.server.store.base.database import now, update
from metasweep.server.store.files import FULL, INCREMENT, PART
from metasweep.server.store.runs import runs
from metasweep.server.stream import files

Connection = sqlite3.Connection
MANIFEST_KINDS = {"FULL": FULL, "INCREMENTAL": INCREMENT, "PATCH": PART}


def find(connection: Connection, opaque: str | None) -> sqlite3.Row:
    """Return the version with an id; raise NotFound."""
    return rows.by_id(connection, "artifacts", "Artifact", opaque)


def seconds_to_live(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the column for a time to live: -1 means as in the collection, -2 forever.

    Empty if none is given.
    """
    seconds = fields.get("ttlDurationSeconds")
    if seconds is None:
        return {}
    if seconds > 0:
        return {"ttl": seconds}
    return {"ttl": None if seconds == -1 else 0}


def create_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Create a version, pending until it is committed. If the content is known, return that version."""
    name = input.get("artifactCollectionName") or next(iter(input.get("artifactCollectionNames") or []), None)
    if not name:
        raise BadRequest("artifactCollectionName: the name of the artifact is needed")
    if region := input.get("storageRegion"):
        raise BadRequest(f"storageRegion: this server has none, and so not {region[:80]!r}")
    aliases = [item["alias"] for item in input.get("aliases") or []]

    def job(connection: Connection) -> sqlite3.Row:
        project, _ = projects.find_or_make(connection, input["entityName"], input["projectName"])
        type_name = input["artifactTypeName"]
        collection = collections.find_or_make(connection, project["id"], name, type_name, "SEQUENCE")
        run = runs.find(connection, project["id"], input["runName"]) if input.get("runName") else None
        client_id, shared = input.get("clientID"), input.get("distributedID")
        found = artifacts.find_same(connection, collection["id"], input["digest"], client_id, shared)
        if found is None:
            found = make(connection, collection, run, input, aliases)
        elif found["state"] == "COMMITTED":
            collections.set_aliases(connection, collection["id"], found["id"], aliases)
        if run is not None:
            artifacts.note_logged(connection, run["id"], found["id"])
        return found

    return {"artifact": info.context.database.write(job)}


def make(
    connection: Connection,
    collection: sqlite3.Row,
    run: sqlite3.Row | None,
    fields: dict[str, Any],
    aliases: list[str],
) -> sqlite3.Row:
    """Create a pending version from a CreateArtifactInput."""
    return artifacts.make(
        connection,
        collection["id"],
        run_id=run["id"] if run else None,
        client_id=fields.get("clientID"),
        distributed_id=fields.get("distributedID"),
        digest=fields["digest"],
        description=fields.get("description"),
        metadata=fields.get("metadata"),
        tags=json.dumps([tag["tagName"] for tag in fields.get("tags") or []]),
        wanted_aliases=json.dumps(aliases),
        history_step=fields.get("historyStep"),
        **seconds_to_live(fields),
    )


def manifest(file: sqlite3.Row) -> dict[str, Any]:
    """Return the answer that announces a manifest."""
    return {"artifact_manifest": {"id": ids.encode("ArtifactManifest", file["id"]), "file": file}}


def create_manifest(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Announce a manifest, the list of a version's files.

    It is a whole one, an increment, or one of several parts.
    """
    kind = MANIFEST_KINDS[input.get("type") or "FULL"]
    base = ids.decode("Artifact", input.get("baseArtifactID"))

    def job(connection: Connection) -> sqlite3.Row:
        artifact = find(connection, input["artifactID"])
        if artifact["state"] != "PENDING":
            raise BadRequest("this version is committed: log a new one")
        update(connection, "artifacts", artifact["id"], base_id=base)
        number = file_rows.announce_manifest(connection, artifact["id"], input["name"], kind)
        return rows.known(connection, "files", number)

    return manifest(info.context.database.write(job))


def update_manifest(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Announce a manifest again."""
    read = info.context.database.read()
    return manifest(rows.by_id(read, "files", "ArtifactManifest", input["artifactManifestID"]))


def create_files(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Announce files of a version. The answers have the same order."""

    def job(connection: Connection) -> list[dict[str, Any]]:
        edges = []
        for spec in input["artifactFiles"]:
            artifact = find(connection, spec["artifactID"])
            kind = spec.get("mimetype")
            number = file_rows.announce(connection, "artifact_id", artifact["id"], spec["name"], kind)
            file = dict(rows.known(connection, "files", number)) | {"name": spec["name"]}
            edges.append({"node": file | {"artifact": artifact}})
        return edges

    return {"files": {"edges": info.context.database.write(job), "page_info": {"has_next_page": False}}}


def update_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Change the texts, tags, aliases and time to live of a version."""
    texts = {name: input[name] for name in ("description", "metadata") if input.get(name) is not None}
    added = [tag["tagName"] for tag in input.get("tagsToAdd") or []]
    removed = {tag["tagName"] for tag in input.get("tagsToDelete") or []}

    def job(connection: Connection) -> sqlite3.Row:
        artifact = find(connection, input["artifactID"])
        number, own = artifact["id"], artifact["collection_id"]
        tags = [tag for tag in dict.fromkeys([*json.loads(artifact["tags"]), *added]) if tag not in removed]
        columns = texts | seconds_to_live(input) | {"tags": json.dumps(tags), "updated_at": now()}
        update(connection, "artifacts", number, **columns)
        if input.get("aliases") is not None:
            collections.remove_aliases(connection, own, number)
            collections.set_aliases(connection, own, number, [item["alias"] for item in input["aliases"]])
        return find(connection, input["artifactID"])

    return {"artifact": info.context.database.write(job)}


def delete_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Delete a version and its files. If it has aliases, the client must allow deleting them too."""

    def job(connection: Connection) -> tuple[sqlite3.Row, list[str]]:
        artifact = find(connection, input["artifactID"])
        held = [row["alias"] for row in collections.aliases(artifact["id"]).all(connection)]
        if held and not input.get("deleteAliases"):
            names = ", ".join(held)
            raise BadRequest(f"this version has aliases ({names}): delete it with delete_aliases=True")
        return artifact, file_rows.unnamed(connection, artifacts.delete(connection, artifact))

    artifact, blobs = info.context.database.write(job)
    files.remove_blobs(info.context.server, blobs)
    return {"artifact": artifact}


def use_artifact(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Record that a run uses a version."""

    def job(connection: Connection) -> sqlite3.Row:
        artifact = find(connection, input["artifactID"])
        entity = input.get("entityName") or info.context.settings.entity
        run = runs.by_path(connection, entity, input.get("projectName") or "", input["runName"])
        artifacts.note_used(connection, run["id"], artifact["id"])
        return artifact

    return {"artifact": info.context.database.write(job)}


def target(connection: Connection, artifact: sqlite3.Row, fields: dict[str, Any]) -> int:
    """Return the collection in which to change an alias, one of those that show the version; BadRequest."""
    shown_in = [row["member_of"] for row in collections.memberships(artifact["id"]).all(connection)]
    for collection_id in shown_in:
        collection = rows.known(connection, "collections", collection_id)
        project = rows.known(connection, "projects", collection["project_id"])
        names = (fields.get("entityName"), fields.get("projectName"), fields["artifactCollectionName"])
        here = (project["entity"], project["name"], collection["name"])
        if all(name is None or name == own for name, own in zip(names, here, strict=True)):
            return collection_id
    raise BadRequest(f"{fields['artifactCollectionName'][:80]} does not show this version")


def change_aliases(add: bool) -> Any:
    """A resolver that adds or removes aliases of a version."""

    def resolve(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
        change = collections.set_aliases if add else collections.remove_aliases

        def job(connection: Connection) -> None:
            artifact = find(connection, input["artifactID"])
            for item in input["aliases"]:
                where = target(connection, artifact, item)
                change(connection, where, artifact["id"], [item["alias"]])

        info.context.database.write(job)
        return {"success": True}

    return resolve


def no_multipart(_source: Any, _info: GraphQLResolveInfo, input: dict[str, Any]) -> None:  # noqa: ARG001
    """Uploads in parts are refused: this server takes files of any size in one piece."""
    raise BadRequest("uploads in parts are not offered")


RESOLVERS = {
    "Mutation": {
        "createArtifact": create_artifact,
        "createArtifactManifest": create_manifest,
        "updateArtifactManifest": update_manifest,
        "createArtifactFiles": create_files,
        "completeMultipartUploadArtifact": no_multipart,
        "updateArtifact": update_artifact,
        "deleteArtifact": delete_artifact,
        "useArtifact": use_artifact,
        "addAliases": change_aliases(add=True),
        "deleteAliases": change_aliases(add=False),
    }
}
