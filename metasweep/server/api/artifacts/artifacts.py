"""Reading artifacts: collections, versions, aliases and files."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import files
from metasweep.server.api.graphql import paging
from metasweep.server.documents import parse_object
from metasweep.server.errors import BadRequest, NotFound
from metasweep.server.store import artifacts, collections
from metasweep.server.store import files as file_rows
from metasweep.server.store.base import ids, rows
from metasweep.server.store.base.order import NEWEST, Term, parse_order
from metasweep.server.store.base.rows import Rows

Row = sqlite3.Row
KINDS = {"SEQUENCE": "ArtifactSequence", "PORTFOLIO": "ArtifactPortfolio"}
TIMES = {"created_at": "created_at", "updated_at": "updated_at"}
VERSION_ORDERS = TIMES | {"version_index": "member_version", "size": "size"}
COLLECTION_ORDERS = TIMES | {"name": "name"}
FOR_EVER = -2  # in the protocol -2 is a version that is never deleted, and -1 one that follows its collection


def read(info: GraphQLResolveInfo) -> sqlite3.Connection:
    """The reading connection of this thread."""
    return info.context.database.read()


def paged(
    info: GraphQLResolveInfo, found: Rows, first: int | None, after: str | None, order: list[Term]
) -> dict[str, Any]:
    """A page of rows, with their total number."""
    return paging.page(info, found, first, after, order) | {"total_count": found.count(read(info))}


def terms(order: str | None, columns: dict[str, str], default: list[Term]) -> list[Term]:
    """Return the terms of an order such as -createdAt; raise BadRequest for an unknown one."""
    try:
        return parse_order(order, columns) if order else default
    except ValueError as error:
        raise BadRequest(f"order: {error}") from error


def no_filters(filters: str | None) -> None:
    """Refuse filters, instead of ignoring them.

    Only the client's own filter passes: lists hold committed versions.
    """
    if filters and parse_object(filters, "filters") not in ({}, {"state": "COMMITTED"}):
        raise BadRequest("filters on artifacts are not supported by this server")


# ---- collections and their versions


def collection_by_id(connection: sqlite3.Connection, opaque: str | None) -> Row:
    """The sequence or portfolio behind an id, or NotFound."""
    for kind in KINDS.values():
        row = rows.get(connection, "collections", ids.decode(kind, opaque))
        if row is not None:
            return row
    raise NotFound(f"artifact collection {str(opaque)[:80]!r} not found")


def by_name(project: Row, info: GraphQLResolveInfo, name: str) -> Row | None:
    """Return the version named COLLECTION:ALIAS; without an alias, latest."""
    collection_name, _, alias = name.partition(":")
    collection = collections.find(read(info), project["id"], collection_name)
    return collections.find_version(read(info), collection["id"], alias or "latest") if collection else None


def membership(member: Row | None) -> dict[str, Any] | None:
    """A version as a member of a collection."""
    if member is None:
        return None
    return {
        "id": f"{member['member_of']}:{member['id']}",
        "collection_id": member["member_of"],
        "version_index": member["member_version"],
        "created_at": member["member_since"],
        "artifact": member,
    }


def collection_of(row: Any, info: GraphQLResolveInfo) -> Row:
    """The collection of a version, an alias or a membership."""
    return rows.known(read(info), "collections", row["collection_id"])


def project_of(row: Any, info: GraphQLResolveInfo) -> Row | None:
    """The project of a collection or a type."""
    return rows.get(read(info), "projects", row["project_id"])


def versions(
    collection: Row,
    info: GraphQLResolveInfo,
    first: int | None = None,
    after: str | None = None,
    filters: str | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    """The versions of a collection, newest first unless another order is asked for."""
    no_filters(filters)
    chosen = terms(order, VERSION_ORDERS, [Term("member_version", descending=True), NEWEST])
    page = paged(info, collections.versions(collection["id"]), first, after, chosen)
    for edge in page["edges"]:
        edge["version"] = f"v{edge['node']['member_version']}"
    return page


def listing(
    info: GraphQLResolveInfo,
    project_id: int,
    type_name: str | None = None,
    first: int | None = None,
    after: str | None = None,
    filters: str | None = None,
    order: str | None = None,
) -> dict[str, Any]:
    """The collections of a project, possibly of one type, newest first unless another order is asked for."""
    no_filters(filters)
    found = collections.of_project(project_id, type_name)
    return paged(info, found, first, after, terms(order, COLLECTION_ORDERS, [NEWEST]))


# ---- types: a type is only a name that collections have


def make_type(project_id: int, name: str, created_at: str | None) -> dict[str, Any]:
    """A type of artifacts in a project."""
    opaque = ids.encode("ArtifactType", project_id) + f":{name}"
    return {"id": opaque, "name": name, "created_at": created_at, "project_id": project_id}


def type_of(collection: Row, _info: GraphQLResolveInfo) -> dict[str, Any]:
    """The type of a collection."""
    return make_type(collection["project_id"], collection["type"], collection["created_at"])


def types(
    project: Row, info: GraphQLResolveInfo, first: int | None = None, after: str | None = None
) -> dict[str, Any]:
    """The types of artifacts in a project."""

    def node(row: Row) -> dict[str, Any]:
        return make_type(project["id"], row["type"], row["created_at"])

    return paging.page(info, collections.types(project["id"]), first, after, [Term("type")], node=node)


def type_by_name(project: Row, info: GraphQLResolveInfo, name: str) -> dict[str, Any] | None:
    """A type by its name, if some collection has it."""
    found = collections.types(project["id"], name).first(read(info))
    return make_type(project["id"], name, found["created_at"]) if found else None


# ---- aliases and tags


def alias_nodes(found: Iterable[Row]) -> list[dict[str, Any]]:
    """Return aliases in the protocol's form."""
    return [{"id": f"{row['collection_id']}:{row['alias']}", **dict(row)} for row in found]


def tag_nodes(tags: str) -> list[dict[str, str]]:
    """Return tags in the protocol's form."""
    return [{"id": tag, "name": tag} for tag in json.loads(tags)]


# ---- versions


def manifest_of(artifact: Row, info: GraphQLResolveInfo) -> dict[str, Any] | None:
    """The uploaded list of a version's files."""
    found = file_rows.manifests(read(info), artifact["id"])
    return {"id": ids.encode("ArtifactManifest", found[-1]["id"]), "file": found[-1]} if found else None


def files_of(
    artifact: Row,
    info: GraphQLResolveInfo,
    names: list[str] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    """The entries of a version, files and references."""
    return files.listing(info, file_rows.uploaded("artifact_id", artifact["id"], names), first, after)


def files_by_entries(
    artifact: Row, info: GraphQLResolveInfo, entries: list[dict[str, Any]] | None = None, **_rest: Any
) -> dict[str, Any]:
    """The files that entries of the manifest name, all on one page."""
    names = [entry["name"] for entry in entries or []]
    return files_of(artifact, info, names, paging.LARGEST_PAGE) if names else paging.everything([])


def commit_hash(artifact: Row, _info: GraphQLResolveInfo) -> str:
    """Return a name for the content of a version, different for every content."""
    return hashlib.sha256(f"{artifact['id']}:{artifact['digest']}".encode()).hexdigest()[:20]


def time_to_live(artifact: Row, _info: GraphQLResolveInfo) -> int:
    """The seconds that a version lives."""
    return artifact["ttl"] or FOR_EVER


def run_artifacts(of_run: Callable[[int], Rows]) -> Any:
    """A resolver for the versions that a run logged or used."""

    def resolve(
        run: Row, info: GraphQLResolveInfo, first: int | None = None, after: str | None = None
    ) -> dict[str, Any]:
        return paged(info, of_run(run["id"]), first, after, [Term("id")])

    return resolve


def client_id_mapping(_source: Any, info: GraphQLResolveInfo, clientID: str) -> dict[str, str] | None:
    """Return the server's id of a version that a client knows by its own id."""
    row = artifacts.by_client_id(read(info), clientID)
    return {"server_id": ids.encode("Artifact", row["id"])} if row else None


QUERY = {
    "artifact": lambda _source, info, id: rows.get(read(info), "artifacts", ids.decode("Artifact", id)),
    "artifactCollection": lambda _source, info, id: collection_by_id(read(info), id),
    "clientIDMapping": client_id_mapping,
}
PROJECT = {
    "artifact": by_name,
    "artifactType": type_by_name,
    "artifactTypes": types,
    "artifactCollection": lambda project, info, name: collections.find(read(info), project["id"], name),
    "artifactCollections": lambda project, info, **page: listing(info, project["id"], **page),
    "artifactCollectionMembership": lambda project, info, name: membership(by_name(project, info, name)),
}
TYPE = {
    "project": project_of,
    "artifactCollection": lambda kind, info, name: collections.find(read(info), kind["project_id"], name),
    "artifactCollections": lambda kind, info, **page: listing(info, kind["project_id"], kind["name"], **page),
}
COLLECTION = {
    "project": project_of,
    "state": lambda _collection, _info: "READY",
    "defaultArtifactType": type_of,
    "tags": lambda collection, _info: paging.everything(tag_nodes(collection["tags"])),
    "artifacts": versions,
    "aliases": lambda collection, info, **_page: paging.everything(
        alias_nodes(collections.all_aliases(collection["id"]).all(read(info)))
    ),
    "artifactMembership": lambda collection, info, aliasName: membership(
        collections.find_version(read(info), collection["id"], aliasName)
    ),
}
SEQUENCE = COLLECTION | {
    "latestArtifact": lambda collection, info: collections.find_version(
        read(info), collection["id"], "latest"
    ),
    "digestAlgorithm": lambda _collection, _info: "MANIFEST_MD5",
}
ARTIFACT = {
    "digestAlgorithm": lambda _artifact, _info: "MANIFEST_MD5",
    "size": lambda artifact, info: artifacts.size_and_count(read(info), artifact["id"])[0],
    "fileCount": lambda artifact, info: artifacts.size_and_count(read(info), artifact["id"])[1],
    "commitHash": commit_hash,
    "ttlDurationSeconds": time_to_live,
    "ttlIsInherited": lambda artifact, _info: artifact["ttl"] is None,
    "artifactSequence": collection_of,
    "artifactType": lambda artifact, info: type_of(collection_of(artifact, info), info),
    "tags": lambda artifact, _info: tag_nodes(artifact["tags"]),
    "aliases": lambda artifact, info: alias_nodes(collections.aliases(artifact["id"]).all(read(info))),
    "currentManifest": manifest_of,
    "createdBy": lambda artifact, info: rows.get(read(info), "runs", artifact["run_id"]),
    "usedBy": lambda artifact, info: paging.everything(artifacts.users(artifact["id"]).all(read(info))),
    "artifactMemberships": lambda artifact, info: paging.everything(
        map(membership, collections.memberships(artifact["id"]).all(read(info)))
    ),
    "files": files_of,
    "filesByManifestEntries": files_by_entries,
}
MEMBERSHIP = {
    "aliases": lambda member, info: alias_nodes(
        collections.aliases(member["artifact"]["id"], member["collection_id"]).all(read(info))
    ),
    "artifactCollection": collection_of,
    "files": lambda member, info, **page: files_of(member["artifact"], info, **page),
}
RESOLVERS = {
    "Query": QUERY,
    "Project": PROJECT,
    "Run": {
        "outputArtifacts": run_artifacts(artifacts.logged_by),
        "inputArtifacts": run_artifacts(artifacts.used_by),
    },
    "ClientIDMapping": {"serverID": lambda mapping, _info: mapping["server_id"]},
    "ArtifactType": TYPE,
    "ArtifactSequence": SEQUENCE,
    "ArtifactPortfolio": COLLECTION,
    "Artifact": ARTIFACT,
    "ArtifactAlias": {
        "artifactCollection": collection_of,
        "artifactCollectionName": lambda row, info: collection_of(row, info)["name"],
    },
    "ArtifactCollectionMembership": MEMBERSHIP,
}
