"""Every request needs a key, or a signature or session that was created with one."""

import asyncio
import base64
import binascii
from collections.abc import Callable

from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from metasweep.server.access import session
from metasweep.server.access.guesses import Guesses
from metasweep.server.access.keys import Keyring
from metasweep.server.access.routes import PublicRoute, find_route
from metasweep.server.access.signing import Signer
from metasweep.server.store.base.database import Database

READING = ("GET", "HEAD")  # with a cookie alone a request may only read
PASSES = ("authorization", "cookie")  # headers that can authorize a request


def presented_key(headers: Headers) -> str:
    """Return the key in a request, as Basic api:KEY or Bearer KEY; empty without one."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def client_address(scope: Scope) -> str:
    """Return the address that a request comes from."""
    return scope["client"][0] if scope.get("client") else "?"


class KeyRequired:
    """ASGI middleware. A request needs a public route, a key, or something that was created with a key.

    The hash of the key is stored in the request's state as `key`.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: list[Route],
        keys: Keyring,
        signer: Signer,
        database: Database,
        guesses: Guesses,
        refusal: Callable[[Scope], Response],
    ) -> None:
        self.app, self.refusal = app, refusal
        self._routes, self._keys, self._signer, self._database = routes, keys, signer, database
        self._guesses = guesses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through or refuse it."""
        if scope["type"] != "http" or isinstance(find_route(self._routes, scope), PublicRoute):
            await self.app(scope, receive, send)
            return
        key = self._key_of(scope)
        if key is not None:
            scope.setdefault("state", {})["key"] = key
            await self.app(scope, receive, send)
            return
        if any(name in Headers(scope=scope) for name in PASSES) or b"signature=" in scope["query_string"]:
            await delay_answer(self._guesses, scope)
        await self.refusal(scope)(scope, receive, send)

    def _key_of(self, scope: Scope) -> str | None:
        """Return the hash of the request's key, or of the key that signed it or opened its session."""
        headers = Headers(scope=scope)
        if key := self._keys.find(presented_key(headers)):
            return key
        known = self._keys.digests()
        cookies = headers.get("cookie", "")
        reads = scope["method"] in READING
        if cookies and (reads or session.may_write(cookies, headers.get(session.WRITE_HEADER, ""))):
            key = session.key_of(self._database, cookies)
            if key in known:
                return key
        signature = QueryParams(scope["query_string"]).get("signature", "")
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return self._signer.verify(method, scope["path"], signature, known) if signature else None


async def delay_answer(guesses: Guesses, scope: Scope) -> None:
    """Delay the answer to a wrong key, if this address has tried several."""
    if seconds := guesses.wrong(client_address(scope)):
        guesses.waiting += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            guesses.waiting -= 1
