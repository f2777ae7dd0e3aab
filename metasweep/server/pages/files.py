"""Uploaded files for a browser. Nobody vouches for them: none ever runs with this server's origin."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from metasweep.server.api.history import log_line
from metasweep.server.context import Server
from metasweep.server.errors import NotFound
from metasweep.server.pages import find
from metasweep.server.stream.files import blob_path

# What a browser shows; it saves everything else. HTML and SVG are shown without scripts and network.
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
    """What a file is shown as: texts as plain text, whatever runs in no page as bytes."""
    if name.lower().endswith(TEXTS):
        return "text/plain; charset=utf-8"
    return stored if stored.startswith(SHOWN) else "application/octet-stream"


def file(request: Request) -> Response:
    """GET of a file of a run by its name."""
    row, _ = find.run(request)
    server: Server = request.app.state.server
    query = "SELECT * FROM files WHERE run_id = ? AND name = ? AND blob IS NOT NULL"
    found = find.read(request).execute(query, (row["id"], request.path_params["name"])).fetchone()
    if found is None:
        raise NotFound("there is no such file")
    kind = media_type(found["name"], found["mimetype"])
    disposition = "attachment" if kind == "application/octet-stream" else "inline"
    name = quote(found["name"].rpartition("/")[2])
    headers = HEADERS | {"Content-Disposition": f"{disposition}; filename*=utf-8''{name}"}
    return FileResponse(blob_path(server, found["blob"]), media_type=kind, headers=headers)


def log(request: Request) -> Response:
    """GET of a run's whole console output as text."""
    row, _ = find.run(request)
    query = "SELECT line, text FROM logs WHERE run_id = ? ORDER BY line"
    lines = (log_line(line)["line"] for line in find.read(request).execute(query, (row["id"],)))
    return PlainTextResponse("\n".join(lines) + "\n", headers=HEADERS)
