"""Behind a proxy: restores the scheme and host that the client asked for, from the proxy's headers."""

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:\d{1,5})?")


def forwarded(headers: Headers, name: str) -> str:
    """Return the nearest proxy's entry. It comes last; earlier entries may be forged by the client."""
    return ",".join(headers.getlist(f"x-forwarded-{name}")).rpartition(",")[2].strip()


class BehindProxy:
    """ASGI middleware: trusts X-Forwarded-Proto and X-Forwarded-Host; answers 400 if they are malformed."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as the client sent it to the proxy."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scheme, host = forwarded(headers, "proto") or scope["scheme"], forwarded(headers, "host")
        if scheme not in ("http", "https") or (host and not HOST.fullmatch(host)):
            message = "X-Forwarded-Proto and X-Forwarded-Host: http or https, and HOST[:PORT]"
            await JSONResponse({"error": message}, 400)(scope, receive, send)
            return
        seen: Scope = {**scope, "scheme": scheme, "headers": list(scope["headers"])}
        if host:
            MutableHeaders(scope=seen)["host"] = host
        await self.app(seen, receive, send)
