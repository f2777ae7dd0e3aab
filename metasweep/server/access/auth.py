"""A key is demanded on every request, or a signature or a session that was given for one."""

import base64
import binascii

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from metasweep.server.access import session
from metasweep.server.access.keys import Keyring
from metasweep.server.access.signing import Signer
from metasweep.server.pages.answers import wants_page
from metasweep.server.pages.sign_in import address

SIGNED_PREFIX = "/storage/"
# Telemetry that clients offer without a key. It is not collected: 404 says so, 401 makes them complain.
TELEMETRY_PREFIX = "/sdk/otel/"
PUBLIC = ("/sign-in", "/sign-out", "/authorize")
PUBLIC_PREFIXES = (TELEMETRY_PREFIX, "/static/page/")


def presented_key(headers: Headers) -> str:
    """The key that a request carries, as Basic api:KEY or Bearer KEY; empty when there is none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def refusal(scope: Scope) -> Response:
    """A browser that wants a page is asked for the key; whoever else gets 401."""
    headers = Headers(scope=scope)
    if scope["method"] == "GET" and wants_page(headers.get("accept")):
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse(address(scope["path"] + (f"?{query}" if query else "")), 303)
    message = "this server needs its key: set WANDB_API_KEY (metasweep server env prints it)"
    body = {"error": message, "errors": [{"message": message}]}  # the client shows the second form
    return JSONResponse(body, 401, {"WWW-Authenticate": "Basic"})


class KeyRequired:
    """ASGI middleware: 401 unless the request has a key, or a signature made for it."""

    def __init__(self, app: ASGIApp, keys: Keyring, signer: Signer) -> None:
        self.app = app
        self.keys = keys
        self.signer = signer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or answer it with 401."""
        if scope["type"] != "http" or self._allowed(scope):
            await self.app(scope, receive, send)
            return
        await refusal(scope)(scope, receive, send)

    def _allowed(self, scope: Scope) -> bool:
        if scope["path"] in PUBLIC or scope["path"].startswith(PUBLIC_PREFIXES):
            return True
        headers = Headers(scope=scope)
        if self.keys.accepts(presented_key(headers)):
            return True
        reading = scope["method"] in ("GET", "HEAD")  # a cookie changes nothing: that takes the key
        if reading and session.valid(self.signer, self.keys.digests(), headers.get("cookie", "")):
            return True
        if not scope["path"].startswith(SIGNED_PREFIX):
            return False
        query = QueryParams(scope["query_string"])
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return self.signer.verify(method, scope["path"], query.get("expires", ""), query.get("signature", ""))
