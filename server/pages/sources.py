"""The data of the pages as JSON: made anew only when something has changed."""

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

import page
from server.pages import find, study
from server.pages import project as projects
from server.pages import run as runs
from server.pages.answers import send
from server.pages.state import Pages

# What changes when a run does. Sums tell changes apart within the second that times are kept to.
RUNS = """
SELECT count(*), max(id), max(updated_at), max(heartbeat_at), sum(history_lines), sum(length(summary)),
    sum(unicode(state) * id % 1000003), sum(state = 'finished'), sum(state = 'running') FROM runs WHERE {}
"""
SWEEPS = "SELECT count(*), max(updated_at), max(heartbeat_at), group_concat(state) FROM sweeps WHERE {}"


def state(request: Request) -> Pages:
    """What the pages keep."""
    return request.app.state.pages


def version(connection: sqlite3.Connection, query: str, condition: str, *values: Any) -> tuple[Any, ...]:
    """The numbers that tell one state of some rows from the next."""
    return tuple(connection.execute(query.format(condition), values).fetchone())


def home(request: Request) -> Response:
    """All the projects."""
    read = find.read(request)
    now = (
        version(read, RUNS, "1"),
        version(read, SWEEPS, "1"),
        version(read, "SELECT max(id) FROM projects{}", ""),
    )
    return send(request, state(request).answers.get("home", now, lambda: projects.home(read)))


def project(request: Request) -> Response:
    """A project."""
    read, row = find.read(request), find.project(request)
    now = tuple(version(read, query, "project_id = ?", row["id"]) for query in (RUNS, SWEEPS))
    make = state(request).answers.get
    return send(request, make(("project", row["id"]), now, lambda: projects.project(read, row)))


def sweep(request: Request) -> Response:
    """A sweep, as the interactive page takes it."""
    read, (row, parent) = find.read(request), find.sweep(request)
    now = version(read, RUNS, "sweep_id = ?", row["id"]), version(read, SWEEPS, "id = ?", row["id"])
    pages = state(request)

    def make() -> dict[str, Any]:
        return page.encode(study.page_data(read, row, parent, pages.tracks))

    return send(request, pages.answers.get(("sweep", row["id"]), now, make))


def run(request: Request) -> Response:
    """A run."""
    read, (row, parent) = find.read(request), find.run(request)
    files = version(
        read, "SELECT count(blob), max(updated_at), sum(size) FROM files WHERE {}", "run_id = ?", row["id"]
    )
    make = state(request).answers.get
    return send(
        request, make(("run", row["id"]), (tuple(row), files), lambda: runs.document(read, row, parent))
    )
