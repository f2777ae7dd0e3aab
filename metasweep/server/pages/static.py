"""The files of the page, the same for everybody.

Browsers cache them forever: a change gives a new address.
"""

import functools
import gzip
import hashlib

from starlette.requests import Request
from starlette.responses import Response

from metasweep import page
from metasweep.server.errors import NotFound

FOR_GOOD = "public, max-age=31536000, immutable"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


def version() -> str:
    """Return a name for the current content of all the files."""
    digest = hashlib.sha256()
    for name, path in sorted(page.assets().items()):
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


VERSION = version()
ROOT = f"/static/page/{VERSION}/"


@functools.cache
def packed(name: str) -> bytes:
    """A file, zipped."""
    return gzip.compress(page.assets()[name].read_bytes(), mtime=0)


def asset(request: Request) -> Response:
    """GET of a file of the page."""
    name = request.path_params["name"]
    path = page.assets().get(name)
    if path is None:
        raise NotFound("no such file")
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": FOR_GOOD, "Vary": "Accept-Encoding"}
    media_type = TYPES[path.suffix]
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(path.read_bytes(), media_type=media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(packed(name), media_type=media_type, headers=headers)
