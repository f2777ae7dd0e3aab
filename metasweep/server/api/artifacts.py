"""Reading artifacts: collections, versions, aliases and files."""

import json
import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import files, paging
from metasweep.server.errors import BadRequest
from metasweep.server.store import files as file_rows
from metasweep.server.store import ids, rows
from metasweep.server.store.order import ID, Term
from metasweep.server.store.rows import Rows
from metasweep.server.stream.streams import parse_object

VERSION = re.compile(r"v(\d{1,9})")
COMMITTED = "artifacts.state = 'COMMITTED'"
USED = "JOIN used_artifacts ON artifact_id = artifacts.id"


def one(info: GraphQLResolveInfo, query: str, *values: Any) -> sqlite3.Row | None:
    """The first row of a query."""
    return info.context.database.read().execute(query, values).fetchone()


def select(info: GraphQLResolveInfo, query: str, *values: Any) -> list[sqlite3.Row]:
    """All rows of a query."""
    return info.context.database.read().execute(query, values).fetchall()


def paged(
    info: GraphQLResolveInfo,
    query: str,
    values: list[Any],
    first: int | None,
    after: str | None,
    order: Sequence[Term] = (ID,),
) -> dict[str, Any]:
    """A page of a query's rows, with their total number."""
    found = Rows(query, tuple(values))
    page = paging.page(info, found, first, after, order)
    return page | {"total_count": found.count(info.context.database.read())}


def find_version(connection: sqlite3.Connection, collection_id: int, name: str) -> sqlite3.Row | None:
    """The version of a collection with an alias, which may be v3."""
    if match := VERSION.fullmatch(name):
        query = f"SELECT * FROM artifacts WHERE collection_id = ? AND version_index = ? AND {COMMITTED}"
        return connection.execute(query, (collection_id, int(match[1]))).fetchone()
    query = (
        "SELECT artifacts.* FROM aliases JOIN artifacts ON artifacts.id = artifact_id"
        " WHERE aliases.collection_id = ? AND alias = ?"
    )
    return connection.execute(query, (collection_id, name)).fetchone()


def find_collection(connection: sqlite3.Connection, project_id: int, name: str) -> sqlite3.Row | None:
    """The collection of a project with that name."""
    query = "SELECT * FROM collections WHERE project_id = ? AND name = ?"
    return connection.execute(query, (project_id, name)).fetchone()


def by_name(project: sqlite3.Row, info: GraphQLResolveInfo, name: str) -> sqlite3.Row | None:
    """The version that COLLECTION:ALIAS means; latest without an alias."""
    read = info.context.database.read()
    collection_name, _, alias = name.partition(":")
    collection = find_collection(read, project["id"], collection_name)
    return find_version(read, collection["id"], alias or "latest") if collection else None


def by_id(_source: Any, info: GraphQLResolveInfo, id: str) -> sqlite3.Row | None:
    """The version with that id."""
    return one(info, "SELECT * FROM artifacts WHERE id = ?", ids.decode("Artifact", id))


def membership(artifact: sqlite3.Row | None) -> dict[str, Any] | None:
    """A version as a member of its collection."""
    if artifact is None:
        return None
    return {
        "id": ids.encode("ArtifactCollectionMembership", artifact["id"]),
        "version_index": artifact["version_index"],
        "created_at": artifact["created_at"],
        "artifact": artifact,
    }


def collection_of(artifact: Any, info: GraphQLResolveInfo) -> sqlite3.Row:
    """The collection of a version, or of an alias."""
    found = one(info, "SELECT * FROM collections WHERE id = ?", artifact["collection_id"])
    assert found is not None, "a foreign key"
    return found


def type_of(collection: sqlite3.Row, info: GraphQLResolveInfo) -> dict[str, Any]:
    """The type of a collection."""
    return make_type(collection["project_id"], collection["type"], info)


def make_type(project_id: int, name: str, info: GraphQLResolveInfo) -> dict[str, Any]:
    """A type of artifacts in a project: it is nothing but the name that its collections bear."""
    query = "SELECT min(created_at) FROM collections WHERE project_id = ? AND type = ?"
    row = one(info, query, project_id, name)
    return {
        "id": ids.encode("ArtifactType", project_id) + f":{name}",
        "name": name,
        "created_at": row[0] if row else None,
        "project_id": project_id,
    }


def aliases_of(artifact: sqlite3.Row, info: GraphQLResolveInfo) -> list[dict[str, Any]]:
    """The aliases of a version."""
    rows = select(info, "SELECT * FROM aliases WHERE artifact_id = ? ORDER BY alias", artifact["id"])
    return [alias(row) for row in rows]


def alias(row: sqlite3.Row) -> dict[str, Any]:
    """An alias as the protocol has it."""
    return {"id": f"{row['collection_id']}:{row['alias']}", **dict(row)}


def tags_of(artifact: sqlite3.Row, _info: GraphQLResolveInfo) -> list[dict[str, str]]:
    """The tags of a version."""
    return [{"id": tag, "name": tag} for tag in json.loads(artifact["tags"])]


def manifest_of(artifact: sqlite3.Row, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    """The uploaded list of a version's files."""
    query = "SELECT * FROM files WHERE artifact_id = ? AND manifest AND blob IS NOT NULL"
    file = one(info, query, artifact["id"])
    return {"id": ids.encode("ArtifactManifest", artifact["id"]), "file": file} if file else None


def files_of(
    artifact: sqlite3.Row,
    info: GraphQLResolveInfo,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    """The files of a version."""
    return files.listing(info, file_rows.uploaded("artifact_id", artifact["id"], names), first, after)


def files_by_entries(
    artifact: sqlite3.Row, info: GraphQLResolveInfo, entries: list[dict[str, Any]] | None = None, **_rest: Any
) -> dict[str, Any]:
    """The files that entries of the manifest name, all on one page."""
    names = [entry["name"] for entry in entries or []]
    return files_of(artifact, info, names, paging.LARGEST_PAGE) if names else paging.everything([])


def total(expression: str) -> Any:
    """A resolver for a sum over the files of a version."""

    def resolve(artifact: sqlite3.Row, info: GraphQLResolveInfo) -> int:
        query = f"SELECT {expression} FROM files WHERE artifact_id = ? AND NOT manifest"
        row = one(info, query, artifact["id"])
        return row[0] or 0 if row else 0

    return resolve


def no_filters(filters: str | None) -> None:
    """Lists hold what is committed, the client's own filter; others are refused instead of ignored."""
    if filters and parse_object(filters, "filters") not in ({}, {"state": "COMMITTED"}):
        raise BadRequest("filters on artifacts are not supported by this server")


def versions(
    collection: sqlite3.Row,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    filters: str | None = None,
    **_rest: Any,
) -> dict[str, Any]:
    """The versions of a collection, newest first."""
    no_filters(filters)
    query = f"SELECT * FROM artifacts WHERE collection_id = ? AND {COMMITTED}"
    order = [Term("version_index", descending=True), ID]
    page = paged(info, query, [collection["id"]], first, after, order)
    for edge in page["edges"]:
        edge["version"] = f"v{edge['node']['version_index']}"
    return page


def collections(
    project_id: int,
    info: GraphQLResolveInfo,
    type_name: str | None = None,
    first: int | None = None,
    after: str | None = None,
    filters: str | None = None,
    **_rest: Any,
) -> dict[str, Any]:
    """The collections of a project, possibly of one type."""
    no_filters(filters)
    condition, values = ("AND type = ?", [project_id, type_name]) if type_name else ("", [project_id])
    return paged(info, f"SELECT * FROM collections WHERE project_id = ? {condition}", values, first, after)


def types(
    project: sqlite3.Row, info: GraphQLResolveInfo, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    """The types of artifacts in a project."""
    query = "SELECT DISTINCT type FROM collections WHERE project_id = ?"
    return paging.page(
        info,
        Rows(query, (project["id"],)),
        first,
        after,
        [Term("type")],
        node=lambda row: make_type(project["id"], row["type"], info),
    )


def type_by_name(project: sqlite3.Row, info: GraphQLResolveInfo, name: str) -> dict[str, Any] | None:
    """A type by its name, if some collection has it."""
    found = make_type(project["id"], name, info)
    return found if found["created_at"] else None


def run_artifacts(table: str, column: str) -> Any:
    """A resolver for the artifacts that a run made or used."""

    def resolve(
        run: sqlite3.Row, info: GraphQLResolveInfo, first: int | None = None, after: str | None = None
    ) -> dict[str, Any]:
        query = f"SELECT artifacts.* FROM artifacts {table} WHERE {column} = ? AND {COMMITTED}"
        return paged(info, query, [run["id"]], first, after)

    return resolve


def used_by(artifact: sqlite3.Row, info: GraphQLResolveInfo) -> dict[str, Any]:
    """The runs that used a version."""
    query = (
        "SELECT runs.* FROM runs JOIN used_artifacts ON run_id = runs.id WHERE artifact_id = ? ORDER BY id"
    )
    return paging.everything(select(info, query, artifact["id"]))


def project_of(row: Any, info: GraphQLResolveInfo) -> sqlite3.Row | None:
    """The project of a collection or a type."""
    return one(info, "SELECT * FROM projects WHERE id = ?", row["project_id"])


def client_id_mapping(_source: Any, info: GraphQLResolveInfo, clientID: str) -> dict[str, str] | None:
    """The server's id of a version that a client knows by its own."""
    row = one(info, "SELECT id FROM artifacts WHERE client_id = ? AND state = 'COMMITTED'", clientID)
    return {"server_id": ids.encode("Artifact", row["id"])} if row else None


QUERY = {
    "artifact": by_id,
    "artifactCollection": lambda _source, info, id: rows.by_id(
        info.context.database.read(), "collections", "ArtifactSequence", id
    ),
    "clientIDMapping": client_id_mapping,
}
PROJECT = {
    "artifact": by_name,
    "artifactType": type_by_name,
    "artifactTypes": types,
    "artifactCollection": lambda project, info, name: find_collection(
        info.context.database.read(), project["id"], name
    ),
    "artifactCollections": lambda project, info, **page: collections(project["id"], info, **page),
    "artifactCollectionMembership": lambda project, info, name: membership(by_name(project, info, name)),
}
TYPE = {
    "project": project_of,
    "artifactCollection": lambda kind, info, name: find_collection(
        info.context.database.read(), kind["project_id"], name
    ),
    "artifactCollections": lambda kind, info, **page: collections(
        kind["project_id"], info, kind["name"], **page
    ),
}
SEQUENCE = {
    "project": project_of,
    "state": lambda _collection, _info: "READY",
    "defaultArtifactType": type_of,
    "tags": lambda _collection, _info: paging.everything([]),
    "artifacts": versions,
    "aliases": lambda collection, info, **_page: paging.everything(
        alias(row) for row in select(info, "SELECT * FROM aliases WHERE collection_id = ?", collection["id"])
    ),
    "artifactMembership": lambda collection, info, aliasName: membership(
        find_version(info.context.database.read(), collection["id"], aliasName)
    ),
    "latestArtifact": lambda collection, info: find_version(
        info.context.database.read(), collection["id"], "latest"
    ),
    "digestAlgorithm": lambda _collection, _info: "MANIFEST_MD5",
}
ARTIFACT = {
    "digestAlgorithm": lambda _artifact, _info: "MANIFEST_MD5",
    "size": total("sum(size)"),
    "fileCount": total("count(*)"),
    "ttlDurationSeconds": lambda _artifact, _info: -1,  # for ever
    "ttlIsInherited": lambda _artifact, _info: False,
    "artifactSequence": collection_of,
    "artifactType": lambda artifact, info: type_of(collection_of(artifact, info), info),
    "tags": tags_of,
    "aliases": aliases_of,
    "currentManifest": manifest_of,
    "createdBy": lambda artifact, info: one(info, "SELECT * FROM runs WHERE id = ?", artifact["run_id"]),
    "usedBy": used_by,
    "artifactMemberships": lambda artifact, _info: {"edges": [{"node": membership(artifact)}]},
    "files": files_of,
    "filesByManifestEntries": files_by_entries,
}
RESOLVERS = {
    "Query": QUERY,
    "Project": PROJECT,
    "Run": {
        "outputArtifacts": run_artifacts("", "run_id"),
        "inputArtifacts": run_artifacts(USED, "used_artifacts.run_id"),
    },
    "ClientIDMapping": {"serverID": lambda mapping, _info: mapping["server_id"]},
    "ArtifactType": TYPE,
    "ArtifactSequence": SEQUENCE,
    "Artifact": ARTIFACT,
    "ArtifactAlias": {
        "artifactCollection": lambda row, info: collection_of(row, info),
        "artifactCollectionName": lambda row, info: collection_of(row, info)["name"],
    },
    "ArtifactCollectionMembership": {
        "aliases": lambda member, info: aliases_of(member["artifact"], info),
        "artifactCollection": lambda member, info: collection_of(member["artifact"], info),
        "files": lambda member, info, **page: files_of(member["artifact"], info, **page),
    },
}
