"""The interactive page in a headless Chromium without a GPU: frames per second, start, size.

The end of a brush moves in every frame that the browser offers, at most 60 a second, so each frame is a new
selection. Without a GPU a script gets only frames that are shown, since the compositor holds it back (checked
against its trace, Display::FrameDisplayed).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.measure import Comparison, Figure, interleave
from metasweep import page
from tests.chromium import CHROMIUM, FLAGS
from tests.page.synthetic import study

RUNS = (400, 10_000)
AXIS = "Test accuracy"
SECONDS = 4.0  # of brushing
GOALS = {"fps": 30.0, "s": 2.0, "MB": 1.0}  # at least, at most, at most; MB for 400 runs
REST = 1500  # ms until a new page has drawn everything

DRAWN = """() => new Promise((done) => {
  const drawn = (canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
    .data.some((value) => value > 0);
  const look = () => (drawn(document.querySelectorAll(".chart canvas")[1]) ? done(performance.now())
    : requestAnimationFrame(look));
  look();
})"""
BRUSHED = """([x, top, height, seconds]) => new Promise((done) => {
  const begun = performance.now();
  let frames = 0;
  const step = () => {
    const passed = (performance.now() - begun) / 1000;
    if (passed > seconds) return done(frames / passed);
    frames += 1;
    const clientY = top + height * (0.1 + 0.8 * Math.abs((passed % 2) - 1));
    const event = new MouseEvent("mousemove", { bubbles: true, view: window, clientX: x, clientY });
    document.elementFromPoint(x, clientY).dispatchEvent(event);
    return requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
})"""


def measure(runs: Sequence[int] = RUNS, repetitions: int = 3) -> list[Comparison]:
    """Frames per second while brushing, seconds to the first drawing and size, for each number of runs."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        pages = {count: write(Path(folder), count) for count in runs}
        speeds = interleave({str(n): partial(brush, browser, pages[n]) for n in runs}, repetitions)
        starts = interleave({str(n): partial(first_drawing, browser, pages[n]) for n in runs}, repetitions)
        sizes = {count: path.stat().st_size / 1e6 for count, path in pages.items()}
    return [
        *(against_goal(f"page, brushing {n:,} runs", "fps", speeds[str(n)]) for n in runs),
        *(against_goal(f"page, {n:,} runs to first lines", "s", starts[str(n)]) for n in runs),
        *(against_goal(f"page, file of {n:,} runs", "MB", Figure((sizes[n],))) for n in runs if n <= RUNS[0]),
    ]


def against_goal(name: str, unit: str, ours: Figure) -> Comparison:
    """A measurement beside what it has to reach."""
    goal = Figure((GOALS[unit],))
    return Comparison(name, unit, ours, {"to reach": goal}, more_is_better=unit == "fps")


def write(folder: Path, count: int) -> Path:
    """Write a report's page with that many runs, three curves each, as a file."""
    path = folder / f"{count}.html"
    path.write_text(page.render(study(count)), encoding="utf-8")
    return path


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of the tests."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path) -> Iterator[Page]:
    """A tab with a page."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.goto(path.as_uri())
    yield tab
    tab.close()


def first_drawing(browser: Browser, path: Path) -> float:
    """Seconds from opening the page to the first lines in its chart."""
    with opened(browser, path) as tab:
        return float(tab.evaluate(DRAWN)) / 1000


def brush(browser: Browser, path: Path) -> float:
    """Frames per second while the end of a brush moves up and down an axis."""
    with opened(browser, path) as tab:
        tab.evaluate(DRAWN)
        tab.wait_for_timeout(REST)
        box: Any = tab.locator(f'.axis[aria-label="{AXIS}"] .overlay').bounding_box()
        middle = box["x"] + box["width"] / 2
        tab.mouse.move(middle, box["y"] + 0.05 * box["height"])
        tab.mouse.down()
        frames = float(tab.evaluate(BRUSHED, [middle, box["y"], box["height"], SECONDS]))
        tab.mouse.up()
        if not tab.locator(".chip").count():
            raise RuntimeError("the brush did not move")
        return frames
