"""Finds the rows that a page's address names; makes the addresses of pages."""

import sqlite3
from collections.abc import Callable
from urllib.parse import quote

from starlette.requests import Request

from metasweep.server.context import Server
from metasweep.server.errors import NotFound
from metasweep.server.store import projects, sweeps
from metasweep.server.store.runs import runs


def address(*parts: str) -> str:
    """Return /ENTITY/PROJECT/runs/ID, with each part quoted."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def read(request: Request) -> sqlite3.Connection:
    """The reading connection of this thread."""
    server: Server = request.app.state.server
    return server.database.read()


def project(request: Request) -> sqlite3.Row:
    """The project that the address names, or NotFound."""
    entity, name = request.path_params["entity"], request.path_params["project"]
    row = projects.find(read(request), entity, name)
    if row is None:
        raise NotFound(f"there is no project {entity}/{name}")
    return row


def member(
    request: Request, kind: str, look_up: Callable[[sqlite3.Connection, int, str], sqlite3.Row | None]
) -> tuple[sqlite3.Row, sqlite3.Row]:
    """Return what the address names within a project, and the project; raise NotFound."""
    parent, name = project(request), request.path_params[kind]
    row = look_up(read(request), parent["id"], name)
    if row is None:
        raise NotFound(f"there is no {kind} {name} in {parent['entity']}/{parent['name']}")
    return row, parent


def sweep(request: Request) -> tuple[sqlite3.Row, sqlite3.Row]:
    """The sweep that the address names, and its project; or NotFound."""
    return member(request, "sweep", sweeps.find)


def run(request: Request) -> tuple[sqlite3.Row, sqlite3.Row]:
    """The run that the address names, and its project; or NotFound."""
    return member(request, "run", runs.find)
