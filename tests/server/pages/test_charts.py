"""Charts that the reader makes, against what numpy and scipy say of the same runs."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy
import pytest
from scipy import stats

from tests.page.conftest import expect
from tests.server.pages.conftest import Lab

SWEEP = """
program: train.py
method: grid
metric: {name: val/acc, goal: maximize}
parameters:
  model: {values: [a, b]}
  seed: {values: [1, 2, 3]}
"""


@pytest.fixture
def sweep(lab: Lab) -> dict:
    """Six finished runs: `loss` falls over steps, faster for model b, a little else for every seed."""
    sweep = lab.sweep(SWEEP)
    agent = lab.agent(sweep)
    for _ in range(6):
        command = lab.claim(agent)
        model, seed = (command["args"][name]["value"] for name in ("model", "seed"))
        lines = [
            {"loss": loss(model, seed, step), "images": step * 64, "_runtime": step * 10.0}
            for step in range(10)
        ]
        lab.log(command["run_id"], lines, {"val/acc": 0.9 + seed / 100 + (model == "b") / 20, "loss": 1.0})
        lab.end(command["run_id"])
    return sweep


def loss(model: str, seed: int, step: int) -> float:
    return (100 if model == "a" else 10) / (step + seed)


def select(view, label: str, value: str) -> None:
    charts = view.tab.get_by_role("region", name="Charts")
    charts.get_by_role("combobox", name=label).last.select_option(value)


def test_means_with_their_intervals_follow_the_selection(lab: Lab, sweep: dict, open_tab) -> None:
    view = open_tab(lab.address("sweeps", sweep["name"]))
    tab = view.tab
    charts = tab.get_by_role("region", name="Charts")
    charts.get_by_role("button", name="Add lines").click()
    select(view, "Metric", "loss")
    charts.get_by_role("img", name="loss over step: 6 lines").wait_for()
    select(view, "Lines", "model")
    charts.get_by_role("img", name="loss over step: 2 lines").wait_for()
    for group in ("a (3)", "b (3)"):
        expect(charts.locator(".legend li").filter(has_text=group)).to_have_count(1)
    expect(charts.locator(".legend li")).to_have_count(2)
    expect(charts.locator(".band")).to_have_count(2)
    values = [loss("a", seed, 9) for seed in (1, 2, 3)]
    mean = numpy.mean(values)
    low, high = stats.t.interval(0.95, 2, mean, stats.sem(values))
    image = charts.get_by_role("img")
    ticks = image.locator(".grid .tick").evaluate_all(
        "nodes => nodes.map(n => [+n.textContent, +/,([^)]+)/.exec(n.getAttribute('transform'))[1]])"
    )
    (v0, y0), (v1, y1) = ticks[0], ticks[-1]
    band = image.locator(".band").evaluate_all("nodes => nodes.map(n => n.getAttribute('points'))")
    ends = []
    for points in band:
        pairs = [tuple(map(float, pair.split(","))) for pair in points.split()]
        right = max(x for x, _ in pairs)
        ends.append(sorted(v0 + (y - y0) * (v1 - v0) / (y1 - y0) for x, y in pairs if x == right))
    wide = max(ends, key=lambda end: end[1] - end[0])
    assert wide == pytest.approx([low, high], abs=0.6)  # a pixel
    tab.get_by_role("searchbox", name="Filter the runs").fill("model=b")
    charts.get_by_role("img", name="loss over step: 10 points").wait_for()
    select(view, "Horizontal", "images")
    charts.get_by_role("heading", name="loss over images").wait_for()
    view.reload()
    charts.get_by_role("heading", name="loss over images").wait_for()
    assert view.problems == []


def test_logarithm_smoothing_zoom_and_export(lab: Lab, sweep: dict, open_tab) -> None:
    view = open_tab(f"{lab.address('sweeps', sweep['name'])}?charts=line%7Closs%7C_step%7C")
    tab = view.tab
    charts = tab.get_by_role("region", name="Charts")
    image = charts.get_by_role("img", name="loss over step")
    image.locator(".run-line").first.wait_for(state="attached")
    before = image.locator(".grid .tick").all_text_contents()
    charts.get_by_label("log scale").check()
    expect(image.locator(".grid .tick")).not_to_have_text(before)
    charts.get_by_label("Smoothing").fill("0.6")
    image.locator(".run-line.faint").nth(5).wait_for(state="attached")
    view.settle()
    box = image.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 60)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + 60, steps=3)
    tab.mouse.up()
    charts.get_by_role("button", name="Whole").wait_for()
    first = image.locator(".curve-axis:not(.grid) .tick text").first
    assert float(first.text_content()) >= 4
    with tab.expect_download() as download:
        charts.get_by_role("button", name=re.compile("as SVG")).click()
    root = ElementTree.fromstring(download.value.path().read_text())
    assert root.tag.endswith("svg")
    assert "var(" not in download.value.path().read_text()
    with tab.expect_download() as download:
        charts.get_by_role("button", name=re.compile("as PNG")).click()
    assert download.value.path().read_bytes()[:4] == b"\x89PNG"
    charts.get_by_role("button", name="Whole").click()
    expect(first).to_have_text(re.compile(r"^0(\.0)?$"))


def test_points_and_the_best_so_far(lab: Lab, sweep: dict, open_tab) -> None:
    view = open_tab(lab.address("sweeps", sweep["name"]))
    charts = view.tab.get_by_role("region", name="Charts")
    charts.get_by_role("button", name="Add points").click()
    select(view, "Horizontal", "seed")
    charts.get_by_role("img", name="val/acc over seed, 6 points").wait_for()
    charts.get_by_role("button", name="Add best so far").click()
    best = charts.get_by_role("img", name="Best val/acc so far")
    corners = [
        tuple(map(float, pair.split(",")))
        for pair in best.locator(".run-line").get_attribute("points").split()
    ]
    places = best.locator(".point").evaluate_all(
        "nodes => nodes.map(n => [+n.attributes.cx.value, +n.attributes.cy.value])"
    )
    drawn = [min(y for corner, y in corners if corner <= x + 0.1) for x, _ in places]
    assert drawn == pytest.approx(numpy.minimum.accumulate([y for _, y in places]), abs=0.1)  # up is small y
    picked = view.tab.get_by_role("checkbox", name=re.compile("^Pick point-"))
    picked.nth(0).check()
    picked.nth(1).check()
    charts.get_by_role("img", name="val/acc over seed, 2 points").wait_for()


def test_compared_runs_show_their_curves(lab: Lab, sweep: dict, open_tab) -> None:
    view = open_tab(lab.address("sweeps", sweep["name"]))
    picked = view.tab.get_by_role("checkbox", name=re.compile("^Pick point-"))
    names = []
    for at in (0, 5):
        picked.nth(at).check()
        names.append(picked.nth(at).get_attribute("aria-label").removeprefix("Pick "))
    view.tab.get_by_role("button", name="Compare", exact=True).click()
    dialog = view.tab.get_by_role("dialog")
    loss = dialog.locator(".chart-box", has=view.tab.get_by_role("heading", name="loss", exact=True))
    loss.locator(".run-line").nth(1).wait_for(state="attached")
    expect(loss.locator(".run-line")).to_have_count(2)
    assert sorted(loss.locator(".legend li").all_inner_texts()) == sorted(names)
    assert {"model", "val/acc"} <= set(dialog.locator("tbody th").all_inner_texts())
    assert view.problems == []


def test_the_parallel_coordinates_are_saved_as_they_are_seen(lab: Lab, sweep: dict, open_tab) -> None:
    view = open_tab(f"{lab.address('sweeps', sweep['name'])}?filter=model%3Db")
    card = view.tab.get_by_role("region", name="Parallel coordinates")
    with view.tab.expect_download() as download:
        card.get_by_role("button", name="Save parallel coordinates as SVG").click()
    text = download.value.path().read_text()
    groups = [node for node in ElementTree.fromstring(text) if node.get("stroke-width")]
    assert [len(group) for group in groups] == [6, 3]  # all the runs, faint, and the selected ones above
    assert "var(" not in text
    assert "<image" not in text
    with view.tab.expect_download() as download:
        card.get_by_role("button", name="Save parallel coordinates as PNG").click()
    assert download.value.path().read_bytes()[:4] == b"\x89PNG"


def test_axes_are_moved_flipped_rescaled_and_hidden(lab: Lab, open_tab) -> None:
    rates = ("0.1", "0.03", "0.01", "0.003", "0.001")
    made = lab.sweep(SWEEP.replace("[a, b]", f"[{', '.join(rates)}]").replace("model", "lr"))
    agent = lab.agent(made)
    for number in range(15):
        run = lab.claim(agent)["run_id"]
        lab.log(run, [], {"val/acc": 0.9 + number / 200, "test/acc": 0.9 + number / 300})
        lab.end(run)
    view = open_tab(lab.address("sweeps", made["name"]))
    tab = view.tab
    labels = lambda: tab.locator(".axis").evaluate_all(  # noqa: E731
        "nodes => nodes.map(node => node.getAttribute('aria-label'))"
    )
    height = lambda name: view.category("lr", name).bounding_box()["y"]  # noqa: E731
    assert labels() == ["lr", "val/acc", "test/acc"]
    assert height("10⁻¹") < height("10⁻³")
    tab.get_by_text("Axes", exact=True).click()
    panel = tab.locator(".menu-body:visible")
    panel.get_by_role("button", name="Move right lr").click()
    panel.get_by_role("button", name="Flip lr").click()
    panel.get_by_label("test/acc", exact=True).uncheck()
    panel.get_by_role("button", name="Move right lr").click()
    view.settle()
    assert labels() == ["val/acc", "lr"]
    tab.keyboard.press("Escape")
    view.category("lr", "0.03").click()
    assert view.selected() == 3
    view.reload()
    assert labels() == ["val/acc", "lr"]
    assert height("10⁻¹") > height("10⁻³")
    assert view.selected() == 3
    tab.get_by_text("Axes", exact=True).click()
    tab.locator(".menu-body:visible").get_by_role("button", name="Reset").click()
    view.settle()
    assert labels() == ["lr", "val/acc", "test/acc"]
