"""The page in a browser, against what Python computes from the same data."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from metasweep.page import (
    Cell,
    Column,
    Facts,
    Figure,
    Finding,
    Findings,
    Progress,
    Table,
    packed,
)
from tests.page.conftest import expect
from tests.page.synthetic import CHANCE, study
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def data():
    return study()


def where(data, keep) -> list[int]:
    """The runs for which `keep(values by column)` holds."""
    names = list(data.runs)
    rows = zip(*data.runs.values(), strict=True)
    return [run for run, row in enumerate(rows) if keep(dict(zip(names, row, strict=True)))]


def test_status_counts_and_averages_all_runs(open_page, data):
    accuracies = data.runs["test_acc"]
    mean = sum(accuracies) / len(accuracies)
    view = open_page(data)
    assert view.status() == f"400 runs · Test accuracy: mean {mean:.2%}, best {max(accuracies):.2%}".replace(
        "%", " %"
    )


def test_a_brush_keeps_the_runs_that_the_axis_shows_between_its_ends(open_page, data):
    view = open_page(data)
    view.brush("Test accuracy", 0.02, 0.31)
    low, high = view.brushed_range("Test accuracy")
    kept = where(data, lambda run: low <= run["test_acc"] <= high)
    assert 20 < len(kept) < 300
    assert view.selected() == len(kept)
    mean = sum(data.runs["test_acc"][run] for run in kept) / len(kept)
    assert f"mean {mean * 100:.2f} %" in view.status()
    view.brush("Val. accuracy", 0.05, 0.2)
    low_val, high_val = view.brushed_range("Val. accuracy")
    both = [run for run in kept if low_val <= data.runs["val_acc"][run] <= high_val]
    assert 0 < view.selected() == len(both) < len(kept)
    view.tab.get_by_role("button", name="Clear all").click()
    assert view.selected() == 400


def test_a_brush_over_the_chance_slot_keeps_the_runs_at_chance(open_page, data):
    view = open_page(data)
    view.brush("Test accuracy", 0.88, 1.02)
    assert view.selected() == len(where(data, lambda run: run["test_acc"] <= CHANCE))
    view.brush("Test accuracy", 0.5, 1.02)  # from the slot into the scale: no lowest accuracy is named
    expect(view.tab.locator(".chip")).to_have_text(re.compile(r"^Test accuracy: chance, up to [\d.]+\s% ×$"))


def test_categories_by_mouse_and_by_keyboard(open_page, data):
    view = open_page(data)
    view.category("Dropout", "0.3").click()
    assert view.selected() == len(where(data, lambda run: run["dp"] == 0.3))
    view.category("Dropout", "0.5").press("Enter")
    view.category("Model", "cnn").press(" ")
    expected = where(data, lambda run: run["dp"] in (0.3, 0.5) and run["model"] == "cnn")
    assert view.selected() == len(expected)
    expect(view.category("Dropout", "0.5")).to_have_attribute("aria-checked", "true")
    expect(view.tab.locator('.chip[data-axis="dp"]')).to_have_text("Dropout: 0.3, 0.5 ×")
    view.tab.locator('.chip[data-axis="dp"]').click()
    assert view.selected() == len(where(data, lambda run: run["model"] == "cnn"))
    view.category("Model", "cnn").press(" ")
    view.brush("Model", 0.75, 1.02)  # from the middle of a slot's bar
    assert 0 < view.selected() < len(where(data, lambda run: run["model"] == "dense"))


def test_limits_by_keyboard(open_page, data):
    view = open_page(data)
    lower = view.tab.get_by_role("slider", name="Test accuracy, lower limit")
    for _ in range(6):
        lower.press("PageUp")
    low, _ = view.brushed_range("Test accuracy")
    assert 0.5 < low < 0.99
    assert view.selected() == len(where(data, lambda run: run["test_acc"] >= low))
    lower.press("Escape")
    assert view.selected() == 400


def test_escape_and_skip_links(open_page, data):
    view = open_page(data)
    view.tab.keyboard.press("Tab")
    expect(view.focused()).to_have_text("Skip to the content")
    expect(view.focused()).to_be_in_viewport(ratio=1)
    link = view.tab.get_by_role("link", name="Skip to the table of runs")
    link.focus()
    view.tab.keyboard.press("Enter")
    view.tab.keyboard.press("Tab")
    expect(view.focused()).to_have_attribute("aria-label", "Filter the runs")
    view.category("Model", "cnn").press("Enter")
    view.category("Dropout", "0.3").press("Enter")
    view.category("Dropout", "0.3").press("Escape")  # on an axis: its own filter
    assert view.selected() == len(where(data, lambda run: run["model"] == "cnn"))
    view.tab.locator("table.runs tbody tr[tabindex='0']").focus()
    view.tab.keyboard.press("Enter")
    view.tab.keyboard.press("Escape")  # closes the card and no more
    assert view.selected() < 400
    view.tab.keyboard.press("Escape")
    assert view.selected() == 400


def test_presets_and_search(open_page, data):
    view = open_page(data)
    view.tab.get_by_role("button", name="≥ 95 %").click()
    assert view.selected() == len(where(data, lambda run: run["test_acc"] >= 0.95))
    view.tab.get_by_role("button", name="Above baseline").click()
    assert view.selected() == len(where(data, lambda run: run["test_acc"] > CHANCE))
    view.tab.get_by_role("searchbox").fill("cnn lr=0.001")
    found = where(data, lambda run: run["test_acc"] > CHANCE and run["model"] == "cnn" and run["lr"] == 0.001)
    assert 0 < view.selected() == len(found)
    view.tab.get_by_role("searchbox").fill("no such run")
    assert view.selected() == 0
    expect(view.tab.locator("table.runs")).to_contain_text("No run matches.")
    assert view.ink(".chart canvas >> nth=1") == 0


def test_sorting(open_page, data):
    view = open_page(data)
    best_first = sorted(data.runs["test_acc"], reverse=True)
    shown = view.column("test_acc")
    assert shown == [f"{value * 100:.2f} %" for value in best_first[: len(shown)]]
    view.tab.get_by_role("button", name="Val. accuracy").click()
    view.tab.get_by_role("button", name="Val. accuracy").click()
    shown = view.column("val_acc")
    assert shown == [f"{value * 100:.2f} %" for value in sorted(data.runs["val_acc"])[: len(shown)]]
    expect(view.tab.locator('th[data-column="val_acc"]')).to_have_attribute("aria-sort", "ascending")
    view.tab.get_by_role("button", name="Run", exact=True).click()
    assert view.column("name")[:3] == ["crimson-sweep-1", "crimson-sweep-2", "crimson-sweep-3"]
    view.tab.locator(".scroller").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    assert view.column("name")[-1] == "crimson-sweep-400"


def test_a_selected_run_is_drawn_where_its_numbers_are(open_page, data):
    run = max(range(400), key=lambda run: data.runs["test_acc"][run])
    view = open_page(data)
    view.tab.get_by_role("searchbox").fill(data.runs["id"][run])
    assert view.selected() == 1
    axis = view.axis("Test accuracy")
    x, top = map(float, re.findall(r"[\d.]+", axis.get_attribute("transform")))
    rows = view.tab.locator(".chart canvas >> nth=1").evaluate(
        """(canvas, x) => Array.from({ length: canvas.height }, (_, y) => y)
        .filter((y) => canvas.getContext("2d").getImageData(x, y, 1, 1).data[3] > 0)""",
        round(x) - 1,
    )
    drawn = view.read_accuracy("Test accuracy", sum(rows) / len(rows) + 0.5 - top)
    assert drawn == pytest.approx(data.runs["test_acc"][run], abs=5e-4)
    assert view.ink(".stage:has(svg[role=img]) canvas >> nth=1") > 50


def test_the_table_by_keyboard_leads_to_a_run(open_page, data):
    order = sorted(range(400), key=lambda run: -data.runs["test_acc"][run])
    view = open_page(data)
    view.tab.locator("table.runs tbody tr[tabindex='0']").focus()
    for _ in range(3):
        view.tab.keyboard.press("ArrowDown")
    view.tab.keyboard.press("Enter")
    dialog = view.tab.get_by_role("dialog")
    expect(dialog).to_contain_text(data.runs["name"][order[3]])
    expect(dialog.get_by_role("link")).to_have_attribute("href", data.runs["url"][order[3]])
    view.tab.keyboard.press("Escape")
    expect(view.tab.locator(".details")).to_be_hidden()
    view.tab.keyboard.press("End")
    view.settle()
    last = int(view.focused().get_attribute("data-run"))
    assert data.runs["test_acc"][last] == min(data.runs["test_acc"])


def test_pointing_at_a_line_shows_its_run(open_page, data):
    view = open_page(data)
    view.tab.get_by_role("searchbox").fill("run00200")
    view.settle()
    box = view.tab.locator(".chart .stage").bounding_box()
    x = [
        float(axis.get_attribute("transform")[10:].split(",")[0]) for axis in view.tab.locator(".axis").all()
    ]
    middle = view.tab.locator(".chart canvas >> nth=1").evaluate(
        """(canvas, x) => Array.from({ length: canvas.height }, (_, y) => y)
        .find((y) => canvas.getContext("2d").getImageData(x, y, 1, 1).data[3] > 0)""",
        round((x[4] + x[5]) / 2),
    )
    view.tab.mouse.move(box["x"] + (x[4] + x[5]) / 2, box["y"] + middle)
    card = view.tab.locator(".details")
    expect(card).to_be_visible()
    expect(card).to_contain_text("crimson-sweep-201")


def test_curves_show_any_metric_and_means(open_page, data):
    view = open_page(data)
    view.tab.get_by_label("Metric", exact=True).select_option("test_loss")
    view.tab.get_by_label("Scale").select_option("zoom")
    view.tab.get_by_label("Lines").select_option("optimizer")
    expect(view.tab.locator("svg[role=img]")).to_have_attribute("aria-label", re.compile("Test loss"))
    expect(view.tab.locator(".mean")).to_have_count(2)
    expect(view.tab.locator(".legend li")).to_have_text(["adam", "sgd"])


def test_dark_follows_the_system_until_someone_chooses(open_page, data):
    view = open_page(data, color_scheme="dark")
    ground = lambda: sum(  # noqa: E731
        map(int, re.findall(r"\d+", view.tab.evaluate("getComputedStyle(document.body).backgroundColor")))
    )
    assert ground() < 100
    view.tab.get_by_role("button", name="Light colours").click()
    expect(view.tab.locator("html")).to_have_attribute("data-ground", "light")
    assert ground() > 650
    view.tab.emulate_media(color_scheme="dark")
    view.settle()
    assert ground() > 650


def test_no_request_leaves_the_page(open_page, data):
    view = open_page(data)
    view.tab.locator("table.runs tbody tr >> nth=3").click()
    view.settle()
    assert {request.split(":")[0] for request in view.requests} <= {"file", "data"}


def hostile(data):
    """A study whose every text is an attack."""
    bad = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    runs = {
        **data.runs,
        "name": [bad] * 400,
        "url": ["javascript:alert(3)"] * 400,
        "model": [bad, "<b>x"] * 200,
    }
    return replace(
        data,
        title=bad,
        subtitle=bad,
        runs=runs,
        parameters=[replace(data.parameters[0], label=bad, levels=()), *data.parameters[1:]],
        links=[Cell(bad, url="javascript:alert(4)")],
        progress=Progress(400, 400, note=bad),
        sections=[
            Table(bad, [bad, "n"], [[bad, Cell(bad, url="data:text/html,<script>alert(5)</script>")]], [bad]),
            Findings(bad, [Finding(bad, bad)]),
            Facts(bad, [(bad, Cell(bad, url="javascript:alert(6)"))]),
            Figure(bad, "javascript:alert(7)", bad, bad),
            Figure(
                bad, 'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="alert(8)"/>', bad
            ),
        ],
    )


def test_figures_follow_the_ground(open_page):
    svg = '<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="20"/>'
    image, dark = (packed(svg.format(width).encode()) for width in (30, 50))
    data = replace(study(4), sections=[Figure("Effects", image, "effects", dark=dark)])
    view = open_page(data, color_scheme="dark")
    shown = view.tab.locator("figure img:visible")
    expect(shown).to_have_js_property("naturalWidth", 50)
    view.tab.get_by_role("button", name="Light colours").click()
    expect(shown).to_have_js_property("naturalWidth", 30)


def test_hostile_texts_stay_texts(open_page, data):
    view = open_page(hostile(data))
    view.tab.locator("table.runs tbody tr >> nth=3").click()
    view.settle()
    expect(view.tab.locator("h1")).to_have_text(re.compile(r"^</script><script>alert\(1\)"))
    expect(view.tab.locator("img[src=x], main script, table b")).to_have_count(0)
    schemes = view.tab.eval_on_selector_all("a", "links => links.map((link) => link.protocol)")
    assert set(schemes) <= {"http:", "file:"}
    assert {request.split(":")[0] for request in view.requests} <= {"file", "data"}


def test_missing_values_have_a_slot_of_their_own(open_page, data):
    holes = [None if run % 4 == 0 else value for run, value in enumerate(data.runs["test_acc"])]
    models = [None if run % 10 == 0 else value for run, value in enumerate(data.runs["model"])]
    states = ["running" if value is None else "finished" for value in holes]
    runs = {**data.runs, "test_acc": holes, "model": models, "state": states}
    view = open_page(replace(data, runs=runs))
    view.category("Test accuracy", "none").click()
    assert view.selected() == 100
    view.category("Model", "none").click()
    assert view.selected() == 20
    assert set(view.column("state")) == {"running"}


def test_nested_and_numeric_and_loss_axes(open_page):
    base = study(60)
    runs = {
        **base.runs,
        "wd": [10 ** -(1 + run / 10) for run in range(60)],
        "loss": [1 + run / 10 for run in range(60)],
    }
    data = replace(
        base,
        runs=runs,
        color="loss",
        parameters=[*base.parameters, Column("wd", "Weight decay", "number", log=True)],
        metrics=[*base.metrics, Column("loss", "Loss", "number", goal="min")],
    )
    view = open_page(data)
    assert "best 1" in view.status()
    assert view.column("loss")[:3] == ["1", "1.1", "1.2"]
    view.brush("Weight decay", 0.5, -0.02)
    assert view.selected() == 30


@pytest.mark.parametrize("count", [0, 1])
def test_few_runs(open_page, count):
    data = replace(study(count), progress=Progress(400, count, missing=400 - count))
    view = open_page(data)
    expect(view.tab.locator("main")).to_contain_text(f"{count} finished")
    if count:
        assert view.selected() == 1
    else:
        expect(view.tab.locator("main")).to_contain_text("There is no run yet.")


def test_ten_thousand_runs(open_page):
    data = study(10_000)
    view = open_page(data)

    def is_drawn() -> bool:  # it is drawn in slices
        view.settle()
        return view.ink(".chart canvas >> nth=1") > 50_000

    wait_until(is_drawn)
    view.brush("Test accuracy", 0.1, 0.3)
    low, high = view.brushed_range("Test accuracy")
    assert view.selected() == len(where(data, lambda run: low <= run["test_acc"] <= high))
    assert 0 < view.tab.locator("table.runs tbody tr").count() < 60


def test_a_phone_has_no_sideways_scrolling_and_can_brush_by_touch(open_page, data):
    view = open_page(data, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    assert view.tab.evaluate("document.documentElement.scrollWidth") <= 390
    view.category("Learning rate", "10⁻³").tap()
    assert view.selected() == len(where(data, lambda run: run["lr"] == 0.001))
    swipe(view, "Model", 0.02, 0.45)
    kept = len(where(data, lambda run: run["lr"] == 0.001 and run["model"] == "cnn"))
    assert view.selected() == kept
    assert view.tab.evaluate("scrollY") == 0
    view.tab.locator("table.runs tbody tr[data-run] td:nth-child(3) >> nth=1").tap()
    expect(view.tab.get_by_role("dialog").get_by_role("link")).to_be_visible()


def swipe(view, label: str, start: float, end: float) -> None:
    """Drag a finger along an axis."""
    touch = view.tab.context.new_cdp_session(view.tab)
    box = view.axis(label).locator(".overlay").bounding_box()
    x, top, height = box["x"] + box["width"] / 2, box["y"], box["height"]
    points = [top + height * (start + (end - start) * step / 5) for step in range(6)]
    for kind, y in zip(["touchStart", *["touchMove"] * 5], points, strict=True):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_it_prints_within_the_paper(open_page):
    base = study(60)
    more = [Column(f"more_{at}", f"Another setting {at}", "discrete") for at in range(4)]
    runs = {**base.runs, **{column.name: [0.001, 0.5, 1] * 20 for column in more}}
    data = replace(base, runs=runs, parameters=[*base.parameters, *more])
    view = open_page(data, color_scheme="dark")
    assert len(view.tab.pdf(prefer_css_page_size=True)) > 50_000
    view.tab.set_viewport_size({"width": 703, "height": 1000})  # A4 within its margins
    view.tab.emulate_media(media="print")
    view.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    inside = """() => [...document.querySelectorAll(".card")].flatMap((card) => {
      const frame = card.getBoundingClientRect();
      const parts = [...card.querySelectorAll(".stage, table, li, dd")];
      return parts.map((part) => part.getBoundingClientRect())
        .map((part) => [frame.right - part.right, frame.bottom - part.bottom]);
    })"""
    room = view.tab.evaluate(inside)
    assert len(room) > 10
    assert min(map(min, room)) >= -1, "a part reaches over its card"
    view.tab.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(view.tab.locator("html")).to_have_attribute("data-ground", "dark")


def test_more_axes_than_fit_are_announced(open_page, data):
    hint = "axes are wider than this page"
    expect(open_page(data).tab.get_by_text(hint)).to_be_hidden()
    expect(open_page(data, viewport={"width": 390, "height": 844}).tab.get_by_text(hint)).to_be_visible()


def test_axes_are_moved_flipped_hidden_and_rescaled(open_page, data):
    view = open_page(data)
    titles = view.tab.locator(".axis .axis-title > :last-child")
    at_first = titles.all_text_contents()
    view.tab.get_by_text("Axes", exact=True).click()
    panel = view.tab.locator(".menu-body:visible")
    panel.get_by_role("button", name="Move left Optimizer").click()
    panel.get_by_label("Dropout", exact=True).uncheck()
    expect(titles).to_have_text(["Model", "Optimizer", "Learning rate", *at_first[4:]])
    before = view.read_accuracy("Test accuracy", 10)
    panel.get_by_role("button", name="Flip Test accuracy").click()
    view.settle()
    assert view.read_accuracy("Test accuracy", 10) < before - 0.2
    view.tab.keyboard.press("Escape")
    view.brush("Test accuracy", 0.72, 0.98)  # now the best are at the bottom
    ends = sorted(view.brushed_range("Test accuracy"))
    assert view.selected() == len(where(data, lambda run: ends[0] <= run["test_acc"] <= ends[1])) > 20
    view.reload()
    expect(titles).to_have_text(["Model", "Optimizer", "Learning rate", *at_first[4:]])
    assert view.selected() == len(where(data, lambda run: ends[0] <= run["test_acc"] <= ends[1]))
