"""The route table, and the answers to errors."""

import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Scope

from metasweep.server import pages
from metasweep.server.access.auth import KeyRequired
from metasweep.server.access.guesses import Guesses
from metasweep.server.access.keys import Keyring, load_or_make
from metasweep.server.access.origin import OwnPagesWrite
from metasweep.server.access.proxy import BehindProxy
from metasweep.server.access.routes import PublicRoute
from metasweep.server.access.signing import Signer
from metasweep.server.api import endpoint
from metasweep.server.context import Server, Settings
from metasweep.server.errors import Fault, ServerError
from metasweep.server.lanes import Lanes
from metasweep.server.pages.sign_in import address
from metasweep.server.store.base.database import Database
from metasweep.server.stream import files, streams
from metasweep.server.watch.leases import Watch

log = logging.getLogger("server")


def no_telemetry(_request: Request) -> Response:
    """Answer 404 to telemetry: it is not collected.

    Clients send it without a key and would complain about 401.
    """
    return JSONResponse({"error": "this server collects no telemetry"}, 404)


ROUTES = [
    PublicRoute("/sdk/otel/{rest:path}", no_telemetry, methods=["POST"]),
    Route("/graphql", endpoint.graphql, methods=["POST"]),
    Route("/files/{entity}/{project}/{run}/file_stream", streams.file_stream, methods=["POST"]),
    PublicRoute("/storage/{file:number}", files.preflight, methods=["OPTIONS"]),
    Route("/storage/{file:number}", files.upload, methods=["PUT"]),
    Route("/storage/{file:number}", files.download, methods=["GET", "HEAD"]),
    Route("/artifacts/{entity}/{digest}", files.download_by_digest),
    Route("/artifactsV2/{where:path}/{digest}/{name}", files.download_by_digest),
    *pages.ROUTES,
]
# What SQLite says, in words: its numbers are read by Python 3.11 and later only.
FULL = ("full", "disk I/O error")
# SQLite errors that a query or stored data caused, and not the disk.
TOO_MUCH = ("too large", "too many", "too complex", "too big", "overflow", "decode")
OUR_FAULT = ("no such", "syntax error", "ambiguous", "misuse", "wrong number", "has no column", "incomplete")


def no_key(scope: Scope) -> Response:
    """Ask a browser that wants a page for the key; answer 401 to everyone else.

    The challenge has no scheme that browsers know. With one of those a browser would ask for a password, and
    later send it with every request that any page makes.
    """
    if scope["method"] == "GET" and pages.wants_page(Headers(scope=scope).get("accept")):
        query = scope["query_string"].decode("latin-1")
        return RedirectResponse(address(scope["path"] + (f"?{query}" if query else "")), 303)
    message = "this server needs its key: set WANDB_API_KEY (metasweep server env prints it)"
    body = {"error": message, "errors": [{"message": message}]}  # the client prints the second form
    return JSONResponse(body, 401, {"WWW-Authenticate": "Bearer"})


async def server_error(request: Request, error: Exception) -> Response:
    """Answer an expected error with its status and its message."""
    status = error.status if isinstance(error, ServerError) else 500
    if request.method == "GET" and pages.wants_page(request.headers.get("accept")):
        return pages.failure("Not found" if status == 404 else "This did not work", str(error), status)
    return JSONResponse({"error": str(error), "errors": [{"message": str(error)}]}, status)


async def no_such_address(request: Request, _error: Exception) -> Response:
    """Answer 404 if no route matches; a browser gets a page."""
    if request.method == "GET" and pages.wants_page(request.headers.get("accept")):
        return pages.failure("Not found", "there is no page at this address", 404)
    return JSONResponse({"error": "not found"}, 404)


async def storage_error(_request: Request, error: Exception) -> Response:
    """The disk is full or cannot be written: the client waits and tries again."""
    text = str(error)
    if isinstance(error, sqlite3.OperationalError):
        if any(word in text for word in OUR_FAULT):
            raise error
        if any(word in text for word in TOO_MUCH):
            return JSONResponse({"error": text, "errors": [{"message": text}]}, 400)
    status = 507 if any(word in text for word in FULL) or getattr(error, "errno", 0) == 28 else 503
    log.error("cannot store: %s; clients try again until there is room", text)
    return JSONResponse({"error": text}, status)


async def internal_fault(request: Request, _error: Exception) -> Response:
    """A mistake in this program: it would be made again, so that no client shall try again.

    Starlette passes the error on, and uvicorn logs it with its traceback.
    """
    return await server_error(request, Fault("a fault of this server: its log says which; report it"))


async def text_error(_request: Request, _error: Exception) -> Response:
    """Lone surrogates are valid in JSON but cannot be stored."""
    return JSONResponse({"error": "a text is not Unicode"}, 400)


async def depth_error(_request: Request, _error: Exception) -> Response:
    """Lists and mappings are nested more deeply than Python's stack allows."""
    return JSONResponse({"error": "nested too deeply"}, 400)


async def number_error(_request: Request, _error: Exception) -> Response:
    """A number has more than 64 bits."""
    return JSONResponse({"error": "a number is too large"}, 400)


def open_server(settings: Settings) -> Server:
    """Open the database and the secret for signed URLs; create them if needed."""
    secret = load_or_make(settings.data_dir / "signing_secret")
    settings.files_dir.mkdir(parents=True, exist_ok=True)
    return Server(settings, Database(settings.database_path), Signer(secret))


def make_app(server: Server, keys: Keyring, behind_proxy: bool, at_end: Callable[[], None]) -> Starlette:
    """Return the ASGI application. `at_end` is called after everything is stored."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        watch = Watch(server)
        watch.start()
        yield
        watch.stop()
        app.state.pages.close()
        server.database.close()
        at_end()

    guesses = Guesses()
    app = Starlette(
        routes=ROUTES,
        middleware=[
            *([Middleware(BehindProxy)] if behind_proxy else []),
            Middleware(
                KeyRequired,
                routes=ROUTES,
                keys=keys,
                signer=server.signer,
                database=server.database,
                guesses=guesses,
                refusal=no_key,
            ),
            Middleware(OwnPagesWrite, routes=ROUTES, refusal=server_error),
        ],
        exception_handlers={
            404: no_such_address,
            ServerError: server_error,
            sqlite3.OperationalError: storage_error,
            OSError: storage_error,
            UnicodeEncodeError: text_error,
            OverflowError: number_error,
            RecursionError: depth_error,
            Exception: internal_fault,
        },
        lifespan=lifespan,
    )
    app.state.server = server
    app.state.keys = keys
    app.state.guesses = guesses
    app.state.pages = pages.Pages()
    app.state.engine = endpoint.Engine()
    app.state.lanes = Lanes()
    return app
