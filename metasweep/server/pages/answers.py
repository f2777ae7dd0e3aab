"""Answers to browsers: pages with security headers, and data with ETag and gzip."""

import gzip
import hashlib
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from metasweep import page
from metasweep.server.pages.static import ROOT

SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # the rest of the policy is in the page
    "Content-Security-Policy": "frame-ancestors 'none'; form-action 'self'",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
GZIP_LEVEL = 5


@dataclass(frozen=True)
class Answer:
    """A JSON document, ready to be sent."""

    tag: str
    plain: bytes
    packed: bytes

    @classmethod
    def of(cls, document: dict[str, Any]) -> "Answer":
        """Make an answer of a document."""
        text = page.to_json(document).encode(errors="replace")
        tag = f'W/"{hashlib.sha256(text).hexdigest()[:24]}"'
        return cls(tag, text, gzip.compress(text, GZIP_LEVEL, mtime=0))


def send(request: Request, answer: Answer) -> Response:
    """Answer 304 if the browser has this version, else send the JSON, zipped if the browser accepts it."""
    headers = SAFE | {"ETag": answer.tag, "Vary": "Accept-Encoding, Cookie"}
    if answer.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(answer.plain, media_type="application/json", headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(answer.packed, media_type="application/json", headers=headers)


def html(text: str, status: int = 200) -> Response:
    """Return an HTML page with the headers that protect its reader."""
    return HTMLResponse(text, status, headers=SAFE)


def wants_page(request_accept: str | None) -> bool:
    """Return whether a browser asks for a page."""
    return "text/html" in (request_accept or "")


def failure(title: str, message: str, status: int) -> Response:
    """Return a page with one line and a link back."""
    sentence = f"{message[:1].upper()}{message[1:].rstrip('.')}."
    return html(page.note(title, sentence, ROOT, link=page.Cell("All projects", url="/")), status)
