"""Uploaded files for a browser. They are not trusted: none ever runs with this server's origin."""

import csv
import io
import json
import sqlite3
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from metasweep.page.columns import flatten
from metasweep.server.context import Server
from metasweep.server.errors import NotFound
from metasweep.server.pages import find
from metasweep.server.store import files as file_rows
from metasweep.server.store import views
from metasweep.server.store.runs import history as stored
from metasweep.server.stream.console import log_line
from metasweep.server.stream.files import send

# What a browser shows; it downloads everything else. HTML and SVG get neither scripts nor network.
SHOWN = ("image/", "audio/", "video/", "text/plain", "text/html", "application/json", "application/pdf")
TEXTS = (".log", ".yaml", ".yml", ".txt", ".md", ".py", ".csv", ".patch", ".diff", ".toml", ".cfg", ".jsonl")
POLICY = (
    "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; font-src data:;"
    " frame-ancestors 'self'; sandbox"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-cache",
}


def media_type(name: str, stored: str) -> str:
    """Return the media type of a file: texts are plain text, types that cannot run in a page are bytes."""
    if name.lower().endswith(TEXTS):
        return "text/plain; charset=utf-8"
    return stored if stored.startswith(SHOWN) else "application/octet-stream"


def file(request: Request) -> Response:
    """GET of a file of a run by its name."""
    row, _ = find.run(request)
    return answer(request, views.file(find.read(request), row["id"], request.path_params["name"]))


def artifact_file(request: Request) -> Response:
    """GET of a file of an artifact by its name; the artifact by its id or the client's."""
    row, names = find.project(request), request.path_params
    return answer(
        request, views.artifact_file(find.read(request), row["id"], names["artifact"], names["name"])
    )


def answer(request: Request, found: sqlite3.Row | None) -> Response:
    """Return the bytes of a file, shown where that is safe; raise NotFound."""
    if found is None:
        raise NotFound("there is no such file")
    server: Server = request.app.state.server
    kind = media_type(found["name"], file_rows.fit_type(found["mimetype"]))
    disposition = "attachment" if kind == "application/octet-stream" else "inline"
    name = quote(found["name"].rpartition("/")[2])
    headers = HEADERS | {"Content-Disposition": f"{disposition}; filename*=utf-8''{name}"}
    return send(server, found, headers, kind)


def history(request: Request) -> Response:
    """GET a run's history as CSV: one column per plain value, one row per line."""
    row, _ = find.run(request)
    read = find.read(request)
    lines = [flatten(json.loads(text)) for text in stored.lines(read, "history", row["id"])]
    names = sorted({name for line in lines for name in line}, key=lambda name: (name != "_step", name))
    text = io.StringIO()
    writer = csv.DictWriter(text, names)
    writer.writeheader()
    writer.writerows(lines)
    headers = HEADERS | {"Content-Disposition": "attachment; filename=history.csv"}
    return Response(text.getvalue(), media_type="text/csv", headers=headers)


def log(request: Request) -> Response:
    """GET of a run's whole console output as text."""
    row, _ = find.run(request)
    lines = (log_line(line)["line"] for line in views.log(find.read(request), row["id"]))
    return PlainTextResponse("\n".join(lines) + "\n", headers=HEADERS)
