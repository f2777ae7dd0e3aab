"""Signing in with the key, and signing out."""

from urllib.parse import parse_qs, quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from metasweep import page
from metasweep.server.access import session
from metasweep.server.access.auth import delay_answer
from metasweep.server.access.keys import Keyring
from metasweep.server.body import read_bytes
from metasweep.server.context import Server
from metasweep.server.pages.answers import SAFE, failure, html
from metasweep.server.pages.static import ROOT

MAX_FORM = 16_384  # bytes
HOW = "metasweep server env --server-dir DIR"  # the real directory is not shown to strangers
WHERE = "DIR is the directory that it serves, .metasweep unless told otherwise."


def safe_target(target: str) -> str:
    """Return where to go after signing in: a path on this server, else the home page."""
    inside = target.startswith("/") and not target.startswith("//") and "\\" not in target
    if not inside or not target.isprintable() or urlsplit(target).netloc:
        return "/"
    return target


def address(target: str) -> str:
    """Return the address of the sign-in page that leads to a target."""
    return "/sign-in" if target == "/" else f"/sign-in?next={quote(target, safe='/')}"


def form(request: Request) -> Response:
    """GET: the form."""
    return html(page.sign_in(ROOT, HOW, WHERE, safe_target(request.query_params.get("next", "/"))))


def where_the_key_is(_request: Request) -> Response:
    """The address that `wandb login` prints to get a key.

    No page shows the key, so this one says how to get it.
    """
    return failure("Your key", f"On the machine of this server, {HOW} prints the key; {WHERE}", 200)


async def sign_in(request: Request) -> Response:
    """POST of the form: set a cookie and go to the wanted page, or show the form with an error."""
    fields = parse_qs((await read_bytes(request, MAX_FORM)).decode(errors="replace"))
    target = safe_target(fields.get("next", ["/"])[0])
    server: Server = request.app.state.server
    keys: Keyring = request.app.state.keys
    key = fields.get("key", [""])[0].strip()
    known = keys.find(key)
    if known is None:
        await delay_answer(request.app.state.guesses, request.scope)
        problem = "This is not the key of this server."
        return html(page.sign_in(ROOT, HOW, WHERE, target, problem), 403)
    response = RedirectResponse(target, 303, headers=SAFE)
    response.set_cookie(
        session.COOKIE,
        await session.begin(server.database, known),
        max_age=session.LIFETIME,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


async def sign_out(request: Request) -> Response:
    """POST: end the session and remove the cookie."""
    server: Server = request.app.state.server
    await session.end(server.database, request.headers.get("cookie", ""))
    response = RedirectResponse("/sign-in", 303, headers=SAFE)
    response.delete_cookie(session.COOKIE, httponly=True, samesite="lax")
    return response
