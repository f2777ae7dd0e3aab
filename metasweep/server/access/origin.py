"""Refuses writes that a browser sends on behalf of another site's page.

A browser says which page a request comes from. A form on another site can neither hide that nor send JSON.
"""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from metasweep.server.access.routes import FormRoute, PublicRoute, find_route
from metasweep.server.errors import Forbidden, ServerError, WrongType

READING = ("GET", "HEAD", "OPTIONS")
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def check_origin(headers: Headers) -> None:
    """Raise Forbidden if a page of another site sends the request. Programs send no Origin."""
    origin, own = headers.get("origin"), headers.get("host", "")
    foreign = origin is not None and origin.partition("://")[2].lower() != own.lower()
    if foreign or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise Forbidden("a page of another site may not write here")


def check_type(headers: Headers, route: Route | None) -> None:
    """Raise WrongType if the body has another type than the route takes."""
    wanted = (FORM, "") if isinstance(route, FormRoute) else (JSON,)
    found = headers.get("content-type", "").partition(";")[0].strip().lower()
    if found not in wanted and type(route) is not PublicRoute:
        raise WrongType(f"Content-Type: {wanted[0]} is needed")


class OwnPagesWrite:
    """ASGI middleware: refuses writes that another site's page could have sent.

    `refusal` makes the answer.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: list[Route],
        refusal: Callable[[Request, ServerError], Awaitable[Response]],
    ) -> None:
        self.app, self.refusal = app, refusal
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on reads, requests of programs, and requests of this server's own pages."""
        answer: ASGIApp = self.app
        if scope["type"] == "http" and scope["method"] not in READING:
            try:
                self._check(scope)
            except ServerError as error:
                answer = await self.refusal(Request(scope), error)
        await answer(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        check_origin(headers)
        if scope["method"] == "POST":  # the only method that a form can write with
            check_type(headers, find_route(self._routes, scope))
