"""The page with data from a server: requested again and again, with a warning if there is no answer."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from metasweep.page import (
    PageData,
    Progress,
    assets,
    document,
    encode,
    to_json,
)
from tests.page.conftest import expect
from tests.page.synthetic import study

CONTROL = {"control": {"state": "RUNNING", "running": 0}, "warnings": []}


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
            self.answer(200, to_json(encode(self.server.data) | CONTROL).encode(), "application/json")
        elif self.path == "/":
            page = document("A sweep", "/sweep.json", "/static/page/", interval=0.3)
            self.answer(200, page.encode(), "text/html; charset=utf-8")
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
        """Log nothing."""


def without(data: PageData, metric: str, below: float) -> PageData:
    """A study without the runs in which a metric lies below a value."""
    kept = [run for run, value in enumerate(data.runs[metric]) if value >= below]
    return replace(
        data,
        runs={name: [values[run] for run in kept] for name, values in data.runs.items()},
        curves=[replace(curve, y=[curve.y[run] for run in kept]) for curve in data.curves],
    )


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
    feed.data = replace(feed.data, chance=None)
    view = open_page.address(f"http://127.0.0.1:{feed.server_port}/")
    assert view.selected() == 40
    expect(view.tab.locator(".hint")).not_to_contain_text("chance")  # not known yet
    view.category("Optimizer", "adam").click()
    kept = view.selected()
    more = study(80)
    feed.data = replace(more, progress=Progress(400, 80, running=3, missing=317))
    view.tab.get_by_text("80 finished").wait_for()
    expect(view.tab.locator(".hint")).to_contain_text("grey is no better than chance")
    assert view.selected() == more.runs["optimizer"].count("adam") > kept
    expect(view.tab.locator(".chip")).to_have_count(1)
    feed.broken = True
    expect(view.tab.get_by_role("alert")).to_contain_text("The server answered 503.")
    feed.broken = False
    view.tab.get_by_role("alert").wait_for(state="hidden")
    hosts = {request.split("/")[2] for request in view.requests if request.startswith("http")}
    assert hosts == {f"127.0.0.1:{feed.server_port}"}
    view.problems[:] = [problem for problem in view.problems if "503" not in problem]


def test_an_update_keeps_what_the_reader_has_chosen(feed, open_page):
    everything = study(200)
    feed.data = replace(without(everything, "test_acc", 0.9), progress=Progress(400, 1))
    view = open_page.address(f"http://127.0.0.1:{feed.server_port}/")
    view.brush("Test accuracy", 0.05, 0.8)
    before, kept = view.brushed_range("Test accuracy"), view.selected()
    view.tab.locator(".scroller").evaluate("box => box.scrollTo(0, 300)")
    view.settle()
    view.tab.evaluate("document.querySelector('.plain').dataset.same = 'yes'")
    handle = view.tab.get_by_role("slider", name="Val. accuracy, upper limit")
    handle.focus()
    feed.data = replace(everything, progress=Progress(400, 2))
    view.tab.get_by_text("2 finished").wait_for()
    assert view.brushed_range("Test accuracy") == pytest.approx(before, abs=1e-3)  # though the axis is longer
    assert view.selected() == pytest.approx(kept, abs=1)
    expect(view.focused()).to_have_attribute("aria-label", "Val. accuracy, upper limit")
    expect(view.tab.locator(".scroller")).to_have_js_property("scrollTop", 300)
    expect(view.tab.locator(".plain[data-same]")).to_have_count(1)


def test_an_update_waits_for_the_end_of_a_brush(feed, open_page):
    view = open_page.address(f"http://127.0.0.1:{feed.server_port}/")
    box = view.axis("Test accuracy").locator(".overlay").bounding_box()
    x = box["x"] + box["width"] / 2
    view.tab.mouse.move(x, box["y"] + 40)
    view.tab.mouse.down()
    view.tab.mouse.move(x, box["y"] + 90)
    with view.tab.expect_response(lambda answer: answer.url.endswith("/sweep.json") and answer.ok) as newer:
        feed.data = replace(study(80), progress=Progress(400, 80, missing=320))
    newer.value.finished()
    view.settle()
    assert view.tab.get_by_text("80 finished").count() == 0
    view.tab.mouse.move(x, box["y"] + 200)
    view.tab.mouse.up()
    view.tab.get_by_text("80 finished").wait_for()
    expect(view.tab.locator(".hint")).to_contain_text("grey is no better than chance")
    low, high = view.brushed_range("Test accuracy")
    assert view.selected() == sum(low <= value <= high for value in feed.data.runs["test_acc"])


def test_curves_and_runs_come_when_there_are_some(feed, open_page):
    feed.data = replace(study(0), curves=[])
    view = open_page.address(f"http://127.0.0.1:{feed.server_port}/")
    view.tab.get_by_text("There is no run yet.").wait_for()
    feed.data = replace(study(1), curves=[])
    view.tab.locator("table.runs").wait_for()
    feed.data = study(2)
    view.tab.get_by_role("heading", name="Curves").wait_for()
    assert view.selected() == 2


def test_a_pinned_card_stays_with_its_run(feed, open_page):
    view = open_page.address(f"http://127.0.0.1:{feed.server_port}/")
    data = feed.data
    view.tab.locator("table.runs tbody tr[data-run] td:nth-child(3) >> nth=2").click()
    name = view.tab.locator(".details.pinned strong").inner_text()
    first = data.runs["name"].index(name)
    order = [first, *(run for run in range(40) if run != first)]
    feed.data = replace(
        data,
        runs={name: [values[run] for run in order] for name, values in data.runs.items()},
        progress=Progress(400, 7),
    )
    view.tab.get_by_text("7 finished").wait_for()
    expect(view.tab.locator(".details.pinned strong")).to_have_text(name)
    view.tab.keyboard.press("Escape")
    expect(view.tab.locator(".details")).to_be_hidden()


def test_the_curves_follow_the_values(feed, open_page):
    """The same runs, and one of them collapses: the axis grows with it."""
    low = re.compile("^[1-3]0%$")
    data = study(3)
    climbing = [[0.7, 0.75, 0.79, 0.8]] * 3
    curve = replace(data.curves[0], x=range(1, 5), y=climbing)
    feed.data = replace(data, curves=[curve])
    view = open_page.address(f"http://127.0.0.1:{feed.server_port}/")
    ticks = view.tab.locator(".curve-axis.grid text")
    ticks.first.wait_for(state="attached")
    assert ticks.filter(has_text=low).count() == 0
    feed.data = replace(data, curves=[replace(curve, y=[[0.7, 0.75, 0.79, 0.2], *climbing[1:]])])
    ticks.filter(has_text=low).first.wait_for(state="attached")
