"""The data of the pages as JSON, computed again only after a change."""

import sqlite3
from collections.abc import Callable, Hashable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from metasweep import page
from metasweep.server.pages import find
from metasweep.server.pages.answers import SAFE, send
from metasweep.server.pages.data import live_report
from metasweep.server.pages.data import project as projects
from metasweep.server.pages.data import run as runs
from metasweep.server.pages.data import sweep as sweeps
from metasweep.server.pages.data.live_report import LiveReport
from metasweep.server.pages.state import Pages
from metasweep.server.store import views


def answer(
    request: Request, source: Hashable, look: Callable[[], Hashable], make: Callable[[], dict[str, Any]]
) -> Response:
    """Return the newest document of a source, or 304."""
    pages: Pages = request.app.state.pages
    return send(request, pages.answers.get(source, look, make))


def home(request: Request) -> Response:
    """GET the data of the home page: all projects."""
    read = find.read(request)

    def look() -> Hashable:
        return views.runs_version(read, None), views.sweeps_version(read, None), views.newest_project(read)

    return answer(request, "home", look, lambda: projects.home(read))


def project(request: Request) -> Response:
    """GET the data of a project's page."""
    read, row = find.read(request), find.project(request)

    def look() -> Hashable:
        return (
            views.runs_version(read, "project", row["id"]),
            views.sweeps_version(read, "project", row["id"]),
        )

    return answer(request, ("project", row["id"]), look, lambda: projects.project(read, row))


def sweep(request: Request) -> Response:
    """GET the data of a sweep's page, in the form that the interactive page reads."""
    read, (row, parent) = find.read(request), find.sweep(request)
    tracks = request.app.state.pages.tracks

    def look() -> Hashable:
        return (
            views.runs_version(read, "sweep", row["id"]),
            views.sweeps_version(read, "sweep", row["id"]),
            newest_report(request, row, parent).serial,
        )

    def make() -> dict[str, Any]:
        newest = newest_report(request, row, parent)
        return page.encode(sweeps.page_data(read, row, parent, tracks, newest)) | {
            "control": sweeps.control(read, row),
            "warnings": newest.warnings,
            "logged": views.logged_metrics(read, "sweep", row["id"]),
        }

    return answer(request, ("sweep", row["id"]), look, make)


def newest_report(request: Request, row: sqlite3.Row, parent: sqlite3.Row) -> LiveReport:
    """What the report says of a sweep."""
    base = find.address(parent["entity"], parent["name"])
    return live_report.ask(request.app.state.pages.reporter, find.read(request), row, parent, base)


def sweep_file(request: Request) -> Response:
    """GET a sweep's page as one file that works without a server."""
    read, (row, parent) = find.read(request), find.sweep(request)
    tracks = request.app.state.pages.tracks
    text = page.render(sweeps.page_data(read, row, parent, tracks, newest_report(request, row, parent)))
    headers = SAFE | {"Content-Disposition": f'attachment; filename="{row["name"]}.html"'}
    return Response(text, media_type="text/html; charset=utf-8", headers=headers)


def run(request: Request) -> Response:
    """GET the data of a run's page."""
    read, (row, parent) = find.read(request), find.run(request)

    def look() -> Hashable:
        return tuple(row), views.files_version(read, row["id"])

    return answer(request, ("run", row["id"]), look, lambda: runs.document(read, row, parent))
