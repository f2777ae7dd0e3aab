"""The user who asks, and the features of this server."""

from typing import Any

from graphql import GraphQLResolveInfo

from metasweep.server.api.graphql import paging
from metasweep.server.context import Context
from metasweep.server.store.base import ids

# Features that clients ask for by name and that this server has.
FEATURES = (
    "LARGE_FILENAMES",
    "ARTIFACT_TAGS",
    "CLIENT_IDS",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "MARK_RUN_FILES_UPLOADED",
    "SWEEPS_LOCAL_SCHEDULER",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
)


def user(info: GraphQLResolveInfo, username: str | None = None) -> dict[str, Any]:
    """Return a user: the server's own, or the author of a run."""
    own = info.context.settings.entity
    name = username or own
    return {
        "id": ids.encode("User", 1),
        "name": name,
        "username": name,
        "entity": own,
        "email": f"{name}@localhost",
        "admin": False,
        "flags": "{}",
        "teams": paging.everything([entity(info.context, own)]),
        "api_keys": {"edges": []},
        "organizations": [],
    }


def entity(context: Context, name: str | None) -> dict[str, Any]:
    """Return an entity, the server's own unless named. Its only member is the server's own user."""
    own = context.settings.entity
    member = {"id": ids.encode("User", 1), "name": own, "username": own, "account_type": "USER"}
    return {
        "id": ids.encode("Entity", 1),
        "name": name or own,
        "available": False,
        "is_team": False,
        "entity_type": "user",
        "read_only": False,
        "read_only_admin": False,
        "private_only": True,
        "storage_bytes": 0,
        "code_saving_enabled": True,
        "default_access": "PRIVATE",
        "members": [member | {"email": f"{own}@localhost", "admin": False, "pending": False}],
        "xxhash_digests_enabled": False,
    }


def server_info(_source: Any, _info: GraphQLResolveInfo) -> dict[str, Any]:
    """The features of the server. Newer versions are not advertised."""
    return {
        "cli_version_info": {"max_cli_version": "99.0.0"},
        "features": [{"name": name, "is_enabled": True} for name in FEATURES],
    }


def resolve_entity(_source: Any, info: GraphQLResolveInfo, name: str | None = None) -> dict[str, Any]:
    """An entity without an organization. Any name is valid; its projects are created when needed."""
    return entity(info.context, name)


def users(_source: Any, info: GraphQLResolveInfo, query: str | None = None) -> dict[str, Any]:
    """The server's one user, if it is the one that is looked for."""
    found = user(info)
    named = not query or query in (found["username"], found["email"])
    return paging.everything([found] if named else [])


def no_alert(_source: Any, _info: GraphQLResolveInfo, input: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """Refuse alerts: this server sends no messages."""
    return {"success": False}


RESOLVERS = {
    "Query": {
        "viewer": lambda _source, info: user(info),
        "serverInfo": server_info,
        "entity": resolve_entity,
        "users": users,
    },
    "Mutation": {"notifyScriptableRunAlert": no_alert},
}
