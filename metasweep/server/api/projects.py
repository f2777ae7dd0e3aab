"""Projects."""

import sqlite3
from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api import viewer
from metasweep.server.api.graphql import paging
from metasweep.server.errors import BadRequest
from metasweep.server.store import projects
from metasweep.server.store.base.database import update
from metasweep.server.store.base.order import NEWEST


def resolve_project(
    _source: Any, info: GraphQLResolveInfo, name: str | None = None, entityName: str | None = None
) -> sqlite3.Row | None:
    """The project with that name, in the server's own entity unless another is named."""
    entity = entityName or info.context.settings.entity
    return projects.find(info.context.database.read(), entity, name or "")


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
    return paging.page(info, projects.of_entity(entity), first, after, [NEWEST])


def upsert_model(_source: Any, info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:
    """Create a project or change its description."""
    entity, name = input.get("entityName") or info.context.settings.entity, input.get("name")
    if not name:
        raise BadRequest("name: the name of the project is needed")

    def job(connection: sqlite3.Connection) -> tuple[sqlite3.Row | None, bool]:
        project, inserted = projects.find_or_make(connection, entity, name)
        if input.get("description") is not None:
            update(connection, "projects", project["id"], description=input["description"])
        return projects.find(connection, entity, name), inserted

    project, inserted = info.context.database.write(job)
    return {"project": project, "model": project, "inserted": inserted}


PROJECT = {
    "internalId": lambda project, _info: project["id"],
    "entityName": lambda project, _info: project["entity"],
    "entity": lambda project, info: viewer.entity(info.context, project["entity"]),
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
