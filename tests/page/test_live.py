"""The page as a server feeds it: fetched, followed, and honest when the server is away."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from page import Progress, assets, document, encode, to_json
from tests.page.synthetic import study


class Feed(http.server.ThreadingHTTPServer):
    """Serves the page, its assets and one document, until told to fail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = study(40)
        self.broken = False


class Handler(http.server.BaseHTTPRequestHandler):
    server: Feed

    def do_GET(self) -> None:
        name = self.path.removeprefix("/static/page/")
        if self.server.broken:
            self.answer(503, b"", "text/plain")
        elif name in assets():
            kind = "text/css" if name.endswith(".css") else "text/javascript"
            self.answer(200, assets()[name].read_bytes(), kind)
        elif self.path == "/sweep.json":
            self.answer(200, to_json(encode(self.server.data)).encode(), "application/json")
        elif self.path == "/":
            self.answer(
                200, document("A sweep", "/sweep.json", interval=0.3).encode(), "text/html; charset=utf-8"
            )
        else:
            self.answer(404, b"", "text/plain")

    def answer(self, status: int, body: bytes, kind: str) -> None:
        tag = f'"{hash(body)}"'
        if status == 200 and self.headers["If-None-Match"] == tag:
            status, body = 304, b""
        self.send_response(status)
        for header, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("ETag", tag)):
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def feed() -> Iterator[Feed]:
    server = Feed()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_page_follows_its_server(feed, open_page):
    view = open_page.address(f"http://127.0.0.1:{feed.server_port}/")
    assert view.selected() == 40
    view.category("Optimizer", "adam").click()
    kept = view.selected()
    more = study(80)
    feed.data = replace(more, progress=Progress(400, 80, running=3, missing=317))
    view.tab.get_by_text("80 finished").wait_for()
    assert view.selected() == more.runs["optimizer"].count("adam") > kept
    assert view.tab.locator(".chip").count() == 1
    feed.broken = True
    view.tab.get_by_role("alert").wait_for()
    assert "The server answered 503." in view.tab.get_by_role("alert").inner_text()
    feed.broken = False
    view.tab.get_by_role("alert").wait_for(state="hidden")
    hosts = {request.split("/")[2] for request in view.requests if request.startswith("http")}
    assert hosts == {f"127.0.0.1:{feed.server_port}"}
    view.problems[:] = [problem for problem in view.problems if "503" not in problem]
