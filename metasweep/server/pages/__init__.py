"""The pages behind the links that the client prints, and the data that keeps them up to date."""

from starlette.routing import Route

from metasweep.server.access.routes import FormRoute, PublicRoute
from metasweep.server.pages import files, shells, sign_in, sources, static
from metasweep.server.pages.answers import failure, wants_page
from metasweep.server.pages.data import lines
from metasweep.server.pages.state import Pages

__all__ = ["ROUTES", "Pages", "failure", "wants_page"]

PROJECT = "/{entity}/{project}"
SWEEP = PROJECT + "/sweeps/{sweep}"
RUN = PROJECT + "/runs/{run}"
ROUTES = [
    Route("/", shells.home),
    Route("/data", sources.home),
    PublicRoute("/authorize", sign_in.where_the_key_is),
    PublicRoute("/sign-in", sign_in.form),
    FormRoute("/sign-in", sign_in.sign_in, methods=["POST"]),
    FormRoute("/sign-out", sign_in.sign_out, methods=["POST"]),
    PublicRoute(static.ROOT + "{name:path}", static.asset),
    Route(PROJECT, shells.project),
    Route(PROJECT + "/data", sources.project),
    Route(PROJECT + "/workspace", shells.project),
    Route(PROJECT + "/sweeps", shells.project),
    Route(SWEEP, shells.sweep),
    Route(SWEEP + "/data", sources.sweep),
    Route(SWEEP + "/page.html", sources.sweep_file),
    Route(RUN, shells.run),
    Route(RUN + "/data", sources.run),
    Route(RUN + "/log", files.log),
    Route(RUN + "/history.csv", files.history),
    Route(RUN + "/files/{name:path}", files.file),
    Route(PROJECT + "/lines", lines.answer),
    Route(PROJECT + "/artifacts/{artifact}/{name:path}", files.artifact_file),
]
