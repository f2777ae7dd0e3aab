"""The data of the pages as JSON: made anew only when something has changed."""

import sqlite3
from collections.abc import Callable, Hashable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from metasweep import page
from metasweep.server.pages import find
from metasweep.server.pages import project as projects
from metasweep.server.pages import run as runs
from metasweep.server.pages import sweep as sweeps
from metasweep.server.pages.answers import send
from metasweep.server.pages.state import Pages

# What changes when a run does. Sums tell changes apart within the second that times are kept to.
RUNS = """
SELECT count(*), max(id), max(updated_at), max(heartbeat_at), sum(history_lines), sum(length(summary)),
    sum(unicode(state) * id % 1000003), sum(state = 'finished'), sum(state = 'running') FROM runs WHERE {}
"""
SWEEPS = "SELECT count(*), max(updated_at), max(heartbeat_at), group_concat(state) FROM sweeps WHERE {}"
FILES = "SELECT count(blob), max(updated_at), sum(size) FROM files WHERE {}"


def version(connection: sqlite3.Connection, query: str, condition: str, *values: Any) -> tuple[Any, ...]:
    """The numbers that tell one state of some rows from the next."""
    return tuple(connection.execute(query.format(condition), values).fetchone())


def answer(
    request: Request, source: Hashable, look: Callable[[], Hashable], make: Callable[[], dict[str, Any]]
) -> Response:
    """The newest document of a source, or 304."""
    pages: Pages = request.app.state.pages
    return send(request, pages.answers.get(source, look, make))


def home(request: Request) -> Response:
    """All the projects."""
    read = find.read(request)

    def look() -> Hashable:
        newest = version(read, "SELECT max(id) FROM projects{}", "")
        return version(read, RUNS, "1"), version(read, SWEEPS, "1"), newest

    return answer(request, "home", look, lambda: projects.home(read))


def project(request: Request) -> Response:
    """A project."""
    read, row = find.read(request), find.project(request)

    def look() -> Hashable:
        return tuple(version(read, query, "project_id = ?", row["id"]) for query in (RUNS, SWEEPS))

    return answer(request, ("project", row["id"]), look, lambda: projects.project(read, row))


def sweep(request: Request) -> Response:
    """A sweep, as the interactive page takes it."""
    read, (row, parent) = find.read(request), find.sweep(request)
    tracks = request.app.state.pages.tracks

    def look() -> Hashable:
        return version(read, RUNS, "sweep_id = ?", row["id"]), version(read, SWEEPS, "id = ?", row["id"])

    def make() -> dict[str, Any]:
        return page.encode(sweeps.page_data(read, row, parent, tracks))

    return answer(request, ("sweep", row["id"]), look, make)


def run(request: Request) -> Response:
    """A run."""
    read, (row, parent) = find.read(request), find.run(request)

    def look() -> Hashable:
        return tuple(row), version(read, FILES, "run_id = ?", row["id"])

    return answer(request, ("run", row["id"]), look, lambda: runs.document(read, row, parent))
