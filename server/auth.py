"""The key: made at first start, kept where only its owner reads it, demanded on every request."""

import base64
import binascii
import hmac
import os
import secrets
from pathlib import Path

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from server import session
from server.pages.answers import wants_page
from server.pages.sign_in import address
from server.signing import Signer

SIGNED_PREFIX = "/storage/"
# Telemetry that clients offer without a key. It is not collected: 404 says so, 401 makes them complain.
TELEMETRY_PREFIX = "/sdk/otel/"
PUBLIC = ("/sign-in", "/sign-out", "/authorize")
PUBLIC_PREFIXES = (TELEMETRY_PREFIX, "/static/page/")


def load_or_make_key(path: Path) -> str:
    """The key in the file; a new one of 40 hex digits, readable by its owner only, when there is none."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = secrets.token_hex(20)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    return key


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
    message = "this server needs its key: set WANDB_API_KEY (python -m server env prints it)"
    body = {"error": message, "errors": [{"message": message}]}  # the client shows the second form
    return JSONResponse(body, 401, {"WWW-Authenticate": "Basic"})


class KeyRequired:
    """ASGI middleware: 401 unless the request has the key, or a signature made for it."""

    def __init__(self, app: ASGIApp, key: str, signer: Signer) -> None:
        self.app = app
        self.key = key.encode()
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
        if hmac.compare_digest(presented_key(headers).encode(), self.key):
            return True
        reading = scope["method"] in ("GET", "HEAD")  # a cookie changes nothing: that takes the key
        if reading and session.valid(self.signer, self.key.decode(), headers.get("cookie", "")):
            return True
        if not scope["path"].startswith(SIGNED_PREFIX):
            return False
        query = QueryParams(scope["query_string"])
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return self.signer.verify(method, scope["path"], query.get("expires", ""), query.get("signature", ""))
