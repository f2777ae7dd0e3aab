"""Projects."""

import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import lookup, paging, viewer
from metasweep.server.errors import BadRequest
from metasweep.server.store.order import NEWEST


def resolve_project(
    _source: Any, info: GraphQLResolveInfo, name: str | None = None, entityName: str | None = None
) -> sqlite3.Row | None:
    """The project of that name; the entity is the server's own unless named."""
    return lookup.project(
        info.context.database.read(), entityName or info.context.settings.entity, name or ""
    )


def resolve_projects(
    _source: Any,
    info: GraphQLResolveInfo,
    entityName: str | None = None,
    first: int | None = None,
    after: str | None = None,
    **_rest: Any,
) -> dict[str, Any]:
    """The projects of an entity, newest first."""
    entity = entityName or info.context.settings.entity
    query = "SELECT * FROM projects WHERE entity = ?"
    return paging.page(info, query, [entity], first, after, [NEWEST])


def upsert_model(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Make a project or change its description."""
    entity, name = input.get("entityName") or info.context.settings.entity, input.get("name")
    if not name:
        raise BadRequest("name: the name of the project is needed")

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row | None, bool]:
        project, inserted = lookup.make_project(connection, entity, name)
        if input.get("description") is not None:
            connection.execute(
                "UPDATE projects SET description = ? WHERE id = ?", (input["description"], project["id"])
            )
        return lookup.project(connection, entity, name), inserted

    project, inserted = info.context.database.write(job)
    return {"project": project, "model": project, "inserted": inserted}


PROJECT = {
    "internalId": lambda project, _info: project["id"],
    "entityName": lambda project, _info: project["entity"],
    "entity": lambda project, info: lookup.entity(info.context, project["entity"]),
    "readOnly": lambda _project, _info: False,
    "isBenchmark": lambda _project, _info: False,
    "access": lambda _project, _info: "PRIVATE",
    "views": lambda _project, _info: "{}",
    "user": lambda _project, info: viewer.user(info),
}
RESOLVERS = {
    "Query": {"project": resolve_project, "model": resolve_project, "models": resolve_projects},
    "Entity": {"project": lambda entity, info, name=None: resolve_project(None, info, name, entity["name"])},
    "Mutation": {"upsertModel": upsert_model},
    "Project": PROJECT,
}
