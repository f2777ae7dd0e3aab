"""Changing artifact collections: names, texts, types, tags, links; and deleting them."""

import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api.artifacts.artifact_changes import find
from metasweep.server.api.artifacts.artifacts import collection_by_id, membership, tag_nodes
from metasweep.server.errors import BadRequest, NotFound
from metasweep.server.store import artifacts, collections, projects
from metasweep.server.store import files as file_rows
from metasweep.server.store.base import rows
from metasweep.server.store.base.database import now, update
from metasweep.server.store.base.names import check_name
from metasweep.server.stream import files

Connection = sqlite3.Connection
Fields = dict[str, Any]
REGISTRY = "wandb-registry-"  # the prefix of the projects that are an organization's registries


def id_of(fields: Fields) -> str:
    """Return the id of the collection in an input, whichever field has it."""
    return fields.get("artifactSequenceID") or fields.get("artifactPortfolioID") or ""


def delete_collection(_source: Any, info: GraphQLResolveInfo, input: Fields) -> Fields:
    """Delete a collection with all its versions, or a portfolio with its links."""

    def job(connection: Connection) -> tuple[sqlite3.Row, list[str]]:
        collection = collection_by_id(connection, id_of(input))
        blobs = []
        for artifact in artifacts.of_collection(collection["id"]).all(connection):
            blobs += artifacts.delete(connection, artifact)
        collections.delete(connection, collection["id"])
        return collection, file_rows.unnamed(connection, blobs)

    collection, blobs = info.context.database.write(job)
    files.remove_blobs(info.context.server, blobs)
    return {"artifact_collection": collection}


def update_collection(_source: Any, info: GraphQLResolveInfo, input: Fields) -> Fields:
    """Rename or describe a collection."""

    def job(connection: Connection) -> sqlite3.Row:
        collection = collection_by_id(connection, id_of(input))
        name = check_name(input.get("name") or collection["name"], "artifact")
        holder = collections.find(connection, collection["project_id"], name)
        if holder is not None and holder["id"] != collection["id"]:
            raise BadRequest(f"there is an artifact {name} already")
        texts = {"description": input["description"]} if input.get("description") is not None else {}
        update(connection, "collections", collection["id"], name=name, updated_at=now(), **texts)
        return rows.known(connection, "collections", collection["id"])

    return {"artifact_collection": info.context.database.write(job)}


def move_collection(_source: Any, info: GraphQLResolveInfo, input: Fields) -> Fields:
    """Move a collection to another type. A new type is created by that."""
    name = check_name(input["destinationArtifactTypeName"], "type of artifacts")

    def job(connection: Connection) -> sqlite3.Row:
        collection = collection_by_id(connection, input["artifactSequenceID"])
        update(connection, "collections", collection["id"], type=name, updated_at=now())
        return rows.known(connection, "collections", collection["id"])

    return {"artifact_collection": info.context.database.write(job)}


def change_tags(connection: Connection, fields: Fields, added: list[str], removed: list[str]) -> sqlite3.Row:
    """Change the tags of the collection at a path; return its row, or raise NotFound."""
    name = fields["artifactCollectionName"]
    project = projects.find(connection, fields["entityName"], fields["projectName"])
    collection = collections.find(connection, project["id"], name) if project else None
    if collection is None:
        raise NotFound(f"artifact {fields['entityName']}/{fields['projectName']}/{name[:80]} not found")
    collections.change_tags(connection, collection, added, removed)
    return rows.known(connection, "collections", collection["id"])


def add_tags(_source: Any, info: GraphQLResolveInfo, input: Fields) -> Fields:
    """Add tags to a collection."""
    names = [tag["tagName"] for tag in input["tags"]]
    row = info.context.database.write(lambda connection: change_tags(connection, input, names, []))
    return {"tags": tag_nodes(row["tags"])}


def remove_tags(_source: Any, info: GraphQLResolveInfo, input: Fields) -> Fields:
    """Take tags from a collection."""
    names = [tag["tagName"] for tag in input["tags"]]
    info.context.database.write(lambda connection: change_tags(connection, input, [], names))
    return {"success": True}


def linked_version(connection: Connection, fields: Fields) -> sqlite3.Row:
    """Return the version to link, by the server's id or the client's."""
    if fields.get("artifactID"):
        return find(connection, fields["artifactID"])
    row = artifacts.by_client_id(connection, fields.get("clientID") or "")
    if row is None:
        raise NotFound("the artifact to link is not committed")
    return row


def link_artifact(_source: Any, info: GraphQLResolveInfo, input: Fields) -> Fields:
    """Show a version in a portfolio of a project. A new portfolio is created."""
    project_name = input.get("projectName") or ""
    if project_name.startswith(REGISTRY):
        raise BadRequest("this server has no registry: link to a collection of a project")

    def job(connection: Connection) -> dict[str, Any]:
        artifact = linked_version(connection, input)
        if input.get("artifactPortfolioID"):
            portfolio = collection_by_id(connection, input["artifactPortfolioID"])
        else:
            entity = input.get("entityName") or info.context.settings.entity
            project, _ = projects.find_or_make(connection, entity, project_name)
            own = rows.known(connection, "collections", artifact["collection_id"])
            name = input.get("artifactPortfolioName") or ""
            portfolio = collections.find_or_make(connection, project["id"], name, own["type"], "PORTFOLIO")
        number = collections.link(connection, portfolio["id"], artifact["id"])
        names = ["latest", *(item["alias"] for item in input.get("aliases") or [])]
        collections.set_aliases(connection, portfolio["id"], artifact["id"], names)
        member = collections.find_version(connection, portfolio["id"], f"v{number}")
        return {"version_index": number, "artifact_membership": membership(member)}

    return info.context.database.write(job)


def unlink_artifact(_source: Any, info: GraphQLResolveInfo, input: Fields) -> Fields:
    """Remove a version from a portfolio."""

    def job(connection: Connection) -> None:
        portfolio = collection_by_id(connection, input["artifactPortfolioID"])
        collections.unlink(connection, portfolio["id"], find(connection, input["artifactID"])["id"])

    info.context.database.write(job)
    return {"success": True, "artifact_id": input["artifactID"]}


RESOLVERS = {
    "Mutation": {
        "deleteArtifactSequence": delete_collection,
        "deleteArtifactPortfolio": delete_collection,
        "updateArtifactSequence": update_collection,
        "updateArtifactPortfolio": update_collection,
        "moveArtifactSequence": move_collection,
        "createArtifactCollectionTagAssignments": add_tags,
        "deleteArtifactCollectionTagAssignments": remove_tags,
        "linkArtifact": link_artifact,
        "unlinkArtifact": unlink_artifact,
    }
}
