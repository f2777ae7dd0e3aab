"""POST /graphql."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from metasweep.server.api.engine import Engine
from metasweep.server.body import read_json
from metasweep.server.budget import Budget
from metasweep.server.context import Context
from metasweep.server.errors import BadRequest

__all__ = ["Engine", "graphql"]
SHORT = (",", ":")


def base_url(request: Request) -> str:
    """Return the address under which the client reached this server, so that URLs in answers work for it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def check(body: dict[str, Any]) -> tuple[str, dict[str, Any], str | None]:
    """Return the query, variables and operation name of a request; raise BadRequest."""
    query, variables, name = body.get("query"), body.get("variables") or {}, body.get("operationName") or None
    if not isinstance(query, str):
        raise BadRequest("query: a string is needed")
    if not isinstance(variables, dict):
        raise BadRequest("variables: an object is needed")
    if name is not None and not isinstance(name, str):
        raise BadRequest("operationName: a string is needed")
    return query, variables, name


async def graphql(request: Request) -> Response:
    """Run a document in a thread. If it does not fit the schema, answer 400."""
    query, variables, name = check(await read_json(request))
    state, key = request.app.state, request.state.key

    def work(budget: Budget) -> bytes:
        context = Context(state.server, base_url(request), key, budget)
        data = state.engine.execute(query, variables, name, context)
        return json.dumps({"data": data}, ensure_ascii=False, allow_nan=False, separators=SHORT).encode()

    changes = query.lstrip().startswith("mutation")
    return Response(await state.lanes.run(request, work, changes), media_type="application/json")
