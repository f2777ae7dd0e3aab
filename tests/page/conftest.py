"""A headless Chromium and what a test asks of a page."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from metasweep.page import PageData, render

expect = pytest.importorskip("playwright.sync_api").expect
LATE = 60_000  # ms: on a busy machine, what a page shows can come late
expect.set_options(timeout=LATE)

# Of what a page does later, the address comes last: 250 ms after a choice.
# By the page's own clock and in its own frames, so that a busy machine changes nothing.
SETTLED = """() => new Promise((done) =>
  setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(() => done())), 270))"""


class View:
    """An open page, what it asked the network for, and what went wrong in it."""

    def __init__(self, tab) -> None:
        self.tab = tab
        self.requests: list[str] = []
        self.problems: list[str] = []
        tab.set_default_timeout(LATE)
        tab.on("request", lambda request: self.requests.append(request.url))
        tab.on("pageerror", lambda error: self.problems.append(str(error)))
        tab.on("console", lambda message: message.type == "error" and self.problems.append(message.text))
        tab.on("dialog", lambda dialog: (self.problems.append(dialog.message), dialog.dismiss()))

    def settle(self) -> None:
        """Wait until all that follows the last action has been done: texts, lines, the address."""
        self.tab.evaluate(SETTLED)

    def loaded(self) -> None:
        """Wait until the page shows its data."""
        self.tab.locator("h1").first.wait_for()
        self.settle()

    def reload(self) -> None:
        """Load the page again, when the address holds the reader's choices."""
        self.settle()
        self.tab.reload()
        self.loaded()

    def focused(self):
        """What has the focus."""
        return self.tab.locator(":focus")

    def status(self) -> str:
        self.settle()
        return self.tab.inner_text("[role=status]").replace("\u202f", " ")

    def selected(self) -> int:
        """The number of runs in the status line, which the table and the curves must share."""
        shown = int(re.match(r"[\d,]+", self.status()).group().replace(",", ""))
        rows = int(self.tab.get_attribute("table.runs", "aria-rowcount")) - 1
        assert rows == shown
        curves = self.tab.locator("svg[role=img]")
        if curves.count():
            assert f" of {shown} runs" in curves.get_attribute("aria-label")
        return shown

    def axis(self, label: str):
        return self.tab.locator(f'.axis[aria-label="{label}"]')

    def brush(self, label: str, start: float, end: float) -> None:
        """Drag along an axis, between two fractions of its height counted from the top."""
        self.settle()  # a new line above the axes would move them
        box = self.axis(label).locator(".overlay").bounding_box()
        x = box["x"] + box["width"] / 2
        self.tab.mouse.move(x, box["y"] + start * box["height"])
        self.tab.mouse.down()
        self.tab.mouse.move(x, box["y"] + end * box["height"], steps=4)
        self.tab.mouse.up()
        self.settle()

    def read_accuracy(self, label: str, y: float) -> float:
        """The accuracy at a height, read as a person would: between the labelled ticks, linear in nines."""
        marks = self.axis(label).locator(".label:not(.category) text")
        ticks = sorted(
            (float(mark.get_attribute("y")), -math.log10(1 - float(mark.text_content().rstrip("%")) / 100))
            for mark in marks.all()
        )
        (y0, nines0), (y1, nines1) = ticks[0], ticks[-1]
        return 1 - 10 ** -(nines0 + (y - y0) / (y1 - y0) * (nines1 - nines0))

    def brushed_range(self, label: str) -> tuple[float, float]:
        """The accuracies at the ends of an axis' brush."""
        brush = self.axis(label).locator(".selection")
        top, height = (float(brush.get_attribute(name)) for name in ("y", "height"))
        return self.read_accuracy(label, top + height), self.read_accuracy(label, top)

    def category(self, axis: str, value: str):
        return self.tab.get_by_role("checkbox", name=re.compile(f"^{re.escape(axis)}: {re.escape(value)},"))

    def column(self, name: str) -> list[str]:
        """The texts of a column of the table, of the rows in sight."""
        self.settle()
        at = self.tab.locator(f'th[data-column="{name}"]').evaluate("cell => cell.cellIndex")
        rows = self.tab.locator("table.runs tbody tr[data-run]")
        return [
            text.replace("\u202f", " ")
            for text in rows.locator(f":scope > :nth-child({at + 1})").all_inner_texts()
        ]

    def ink(self, selector: str) -> int:
        """How many pixels of a canvas are drawn."""
        return self.tab.locator(selector).evaluate(
            "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)"
            ".data.filter((value, at) => at % 4 === 3 && value > 0).length"
        )


@pytest.fixture
def open_page(browser, tmp_path: Path) -> Iterator[Callable[..., View]]:
    """Opens data as a report would, from a file; fails the test when the page had an error."""
    views: list[View] = []

    def open_data(data: PageData, **options) -> View:
        path = tmp_path / f"page{len(views)}.html"
        path.write_text(render(data), encoding="utf-8")
        return open_address(path.as_uri(), **options)

    def open_address(address: str, **options) -> View:
        # Without smooth scrolling, so that nothing moves while it is being clicked.
        options = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **options}
        context = browser.new_context(**options)
        view = View(context.new_page())
        views.append(view)
        view.tab.goto(address)
        view.loaded()
        return view

    open_data.address = open_address
    yield open_data
    for view in views:
        view.tab.context.close()
    assert [problem for view in views for problem in view.problems] == []
