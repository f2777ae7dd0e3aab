"""The HTML of the pages. Their data comes from `sources`."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from metasweep import page
from metasweep.server.access import session
from metasweep.server.pages import find
from metasweep.server.pages.answers import html
from metasweep.server.pages.static import ROOT

INTERVAL = 3.0  # seconds between two requests of a page for its data
HOME = page.Cell("Metasweep", url="/")


def shell(request: Request, view: page.View, title: str, address: str, trail: list[page.Cell]) -> Response:
    """Return the page whose data is below its address. Whoever is signed in may also write from it."""
    source = f"{address.rstrip('/')}/data"
    write = session.write_token(request.headers.get("cookie", ""))
    return html(page.document(title, source, ROOT, INTERVAL, view, [HOME, *trail], "/sign-out", write))


def project_trail(entity: str, name: str) -> list[page.Cell]:
    """Return the links that lead to a project."""
    return [page.Cell(f"{entity}/{name}", url=find.address(entity, name))]


def home(request: Request) -> Response:
    """GET the home page: all projects."""
    return shell(request, "home", "Metasweep", "/", [])


def project(request: Request) -> Response:
    """GET the page of a project: its sweeps and its runs."""
    row = find.project(request)
    trail = project_trail(row["entity"], row["name"])
    return shell(request, "project", row["name"], find.address(row["entity"], row["name"]), trail)


def sweep(request: Request) -> Response:
    """GET the page of a sweep: the interactive page, live."""
    row, parent = find.sweep(request)
    trail = project_trail(parent["entity"], parent["name"])
    where = find.address(parent["entity"], parent["name"], "sweeps", row["name"])
    title = row["display_name"] or row["name"]
    return shell(request, "sweep", title, where, [*trail, page.Cell(title, url=where)])


def run(request: Request) -> Response:
    """GET the page of a run: everything that it logged."""
    row, parent = find.run(request)
    trail = project_trail(parent["entity"], parent["name"])
    if row["sweep"]:
        where = find.address(parent["entity"], parent["name"], "sweeps", row["sweep"])
        trail.append(page.Cell(f"sweep {row['sweep']}", url=quote(where)))
    where = find.address(parent["entity"], parent["name"], "runs", row["name"])
    return shell(
        request, "run", row["display_name"], where, [*trail, page.Cell(row["display_name"], url=where)]
    )
