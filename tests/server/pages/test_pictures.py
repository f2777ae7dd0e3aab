"""What the pages draw and count is what was logged: extremes, what is not finite, all the runs."""

from __future__ import annotations

import json
import math
import re
import textwrap

import pytest

from tests.conftest import ServerProcess
from tests.page.conftest import expect
from tests.server.pages.conftest import Lab

GRID = """
program: train.py
method: grid
metric: {name: val/acc, goal: maximize}
parameters:
  lr: {values: [0.1, 0.01, 0.001]}
  dp: {values: [0, 0.05, 0.5]}
"""


def number(text: str) -> float:
    """A tick as a number: 2×10⁶, 10⁶, 0.5."""
    text = text.replace("−", "-").replace("\u202f", "")
    found = re.fullmatch(r"(?:(.+)×)?10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", text)
    if not found:
        return float(text)
    exponent = "".join("0123456789-"["⁰¹²³⁴⁵⁶⁷⁸⁹⁻".index(sign)] for sign in found[2])
    return float(found[1] or 1) * 10 ** float(exponent)


def test_a_chart_keeps_the_extremes_and_marks_what_is_not_finite(lab: Lab, open_tab) -> None:
    lines = [{"loss": 1.3 - step / 4000, "bad": math.nan if step % 2 else math.inf} for step in range(1700)]
    lines[1234]["loss"] = 1e6
    lines[77]["loss"] = math.nan
    lab.start_run("spiky")
    lab.log("spiky", lines)
    view = open_tab(lab.address("runs", "spiky"))
    loss = view.tab.locator(".chart-box", has=view.tab.get_by_role("heading", name="loss", exact=True))
    expect(loss).to_contain_text("1,699 points")
    expect(loss).to_contain_text("1 value not finite")
    expect(loss.locator(".not-finite")).to_have_text([re.compile("^×")])
    ticks = loss.locator(".grid .tick text").all_text_contents()
    assert max(number(tick) for tick in ticks) >= 8e5
    bad = view.tab.locator(".chart-box", has=view.tab.get_by_role("heading", name="bad", exact=True))
    bad.locator(".not-finite").first.wait_for(state="attached")
    assert {mark[:1] for mark in bad.locator(".not-finite").all_text_contents()} == {"×", "∞"}
    assert view.problems == []


def test_a_project_shows_all_its_runs(lab: Lab, open_tab) -> None:
    lab.fill([{"config": {"lr": index}, "summary": {"loss": 1.0 / (index + 1)}} for index in range(2500)])
    view = open_tab(lab.address())
    view.tab.get_by_text("2,500 runs", exact=True).wait_for()
    view.tab.get_by_role("searchbox").fill("lr=0")
    view.tab.get_by_text("1 of 2,500 runs").wait_for()


def test_best_runs_are_finished_points_once_each(lab: Lab, open_tab) -> None:
    sweep = lab.sweep(GRID)
    agent = lab.agent(sweep)
    ends = [("good", 0, 0.9), ("better", 0, 0.95), ("failed", 1, 0.99), ("stopped", None, 0.98)]
    names = {}
    for name, code, value in ends:
        run = lab.claim(agent)["run_id"]
        names[name] = lab.row(run)["display_name"]
        lab.log(run, [], {"val/acc": value})
        if code is None:
            lab.stream(run, {"preempting": True})
            lab.stream(run, {"complete": True, "exitcode": 1})
        else:
            lab.end(run, code)
    view = open_tab(lab.address("sweeps", sweep["name"]))
    best = view.tab.get_by_role("region", name="Best runs").get_by_role("table")
    expect(best.get_by_role("link").nth(0)).to_have_text(names["better"])
    expect(best.get_by_role("link").nth(1)).to_have_text(names["good"])
    line = view.tab.locator(".progress-line")
    expect(line).to_contain_text("2 finished")
    expect(line).to_contain_text("to be tried again")
    expect(line).not_to_contain_text("running")


def test_the_search_means_what_it_says(lab: Lab, open_tab) -> None:
    rates = [0.1, 0.01, 1e-05, 0.001]
    lab.fill(
        [
            {
                "config": {"lr": rates[index % 4], "dp": [0, 0.05, 0.5, 0.005][index // 4 % 4]},
                "summary": {"val/acc": index / 64},
                "state": "failed" if index % 7 == 0 else "finished",
            }
            for index in range(64)
        ]
    )
    view = open_tab(lab.address())
    box = view.tab.get_by_role("searchbox")
    for text, kept in [("dp=0", 16), ("lr=1e-05", 16), ("state=failed", 10), ("val/acc>=50% and dp=0.5", 8)]:
        box.fill(text)
        view.tab.get_by_text(f"{kept} of 64 runs").wait_for()
    expect(view.tab.locator(".chip")).to_have_text(["val/acc>=50% ×", "dp=0.5 ×"])
    view.tab.get_by_role("button", name="Remove the filter dp=0.5").click()
    view.tab.get_by_text("32 of 64 runs").wait_for()
    box.fill("val/acc>=50% and")
    expect(view.tab.get_by_role("alert")).to_contain_text("missing")
    view.tab.get_by_text("32 of 64 runs").wait_for()


def test_finding_a_metric_opens_its_group(lab: Lab, open_tab) -> None:
    lab.start_run("many")
    lab.log("many", [{f"group{at // 10}/metric{at}": at * step for at in range(60)} for step in range(3)])
    view = open_tab(lab.address("runs", "many"))
    heading = view.tab.get_by_role("heading", name="group5/metric55")
    expect(heading).to_be_hidden()
    view.tab.get_by_role("searchbox", name="Find a metric").fill("metric55")
    heading.wait_for()
    expect(view.tab.locator(".chart-box:visible")).to_have_count(1)
    expect(view.tab.locator("details.chart-group:visible")).to_have_count(1)
    view.tab.get_by_role("searchbox", name="Find a metric").fill("")
    heading.wait_for(state="hidden")


def test_drawn_from_a_range_lies_on_a_scale(lab: Lab, open_tab) -> None:
    sweep = lab.sweep(
        "program: t.py\nmethod: random\nmetric: {name: loss, goal: minimize}\nparameters:\n"
        "  lr: {distribution: log_uniform_values, min: 0.0001, max: 0.1}\n"
        "  frozen: {parameters: {layers: {values: [[1, 2], [true, false]]}}}\n"
    )
    agent = lab.agent(sweep)
    for loss in (3.0, 2.0, 1.0):
        run = lab.claim(agent)["run_id"]
        lab.log(run, [], {"loss": loss})
        lab.end(run)
    view = open_tab(lab.address("sweeps", sweep["name"]))
    axis = view.axis("lr")
    expect(axis.locator(".axis-scale")).to_have_count(1)
    expect(axis.locator(".category")).to_have_count(0)
    configuration = view.tab.get_by_role("region", name="Configuration")
    expect(configuration).to_contain_text("[true, false]")
    expect(configuration).not_to_contain_text("{")


EVERYTHING = """
import numpy, wandb
with wandb.init(project="everything", id="all", notes="one line\\nanother") as run:
    run.define_metric("images")
    run.define_metric("custom/*", step_metric="images")
    for step in range(4):
        weights = wandb.Histogram(numpy.arange(20) * step)
        run.log({"custom/a": step * 2, "images": step * 640, "weights": weights})
    picture = (numpy.random.rand(8, 8, 3) * 255).astype("uint8")
    run.log({"with pictures": wandb.Table(columns=["id", "im"], data=[[7, wandb.Image(picture)]])})
    table = wandb.Table(columns=["x", "y"], data=[[x, x * x] for x in range(5)])
    run.log({
        "line": wandb.plot.line(table, "x", "y", title="A parabola"),
        "bars": wandb.plot.bar(table, "x", "y", title="Some bars"),
        "confusion": wandb.plot.confusion_matrix(
            y_true=[0, 1, 1], preds=[0, 1, 0], class_names=["no", "yes"]
        ),
    })
    artifact = wandb.Artifact("weights", "model")
    with artifact.new_file("w.txt") as file:
        file.write("hello")
    run.log_artifact(artifact)
    run.summary["val/acc"] = 0.1922
"""


@pytest.fixture(scope="module")
def everything(server: ServerProcess) -> Lab:
    (server.home / "everything.py").write_text(textwrap.dedent(EVERYTHING))
    done = server.run("python", "everything.py")
    assert done.returncode == 0, done.stderr
    return Lab(server, "everything")


def test_all_that_the_client_logs_is_shown(everything: Lab, open_tab) -> None:
    view = open_tab(everything.address("runs", "all"))
    tab = view.tab
    box = tab.locator(".chart-box", has=tab.get_by_role("heading", name="custom/a"))
    expect(box).to_contain_text("Over images.")
    expect(box.locator(".curve-axis:not(.grid) .tick text").last).to_have_text("1500")
    heat = tab.get_by_role("region", name="Histograms").get_by_role("img")
    expect(heat).to_have_attribute("aria-label", re.compile("4 steps"))
    plots = tab.get_by_role("region", name="Plots")
    plots.get_by_role("img", name="A parabola").wait_for()
    expect(plots.locator(".chart-box", has_text="Some bars")).to_contain_text("16")
    plots.get_by_role("columnheader", name="yes").wait_for()
    picture = tab.locator(".logged-table img")
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 8)
    artifacts = tab.get_by_role("region", name="Artifacts").first
    artifacts.get_by_text("weights:v0").click()
    artifacts.get_by_role("link", name="w.txt").click()
    expect(tab.locator("body")).to_have_text("hello")
    tab.go_back()
    expect(tab.get_by_role("region", name="Summary").first).to_contain_text("19.22 %")
    expect(tab.locator(".notes")).to_have_css("white-space-collapse", "preserve-breaks")  # pre-line
    assert [problem for problem in view.problems if "sandbox" not in problem] == []


def test_history_as_csv(everything: Lab, open_tab) -> None:
    view = open_tab(everything.address("runs", "all"))
    text = view.tab.request.get(everything.address("runs", "all", "history.csv")).text()
    head, first, *_ = text.splitlines()
    assert head.startswith("_step,")
    cells = dict(zip(head.split(","), re.split(r",(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", first), strict=True))
    assert (cells["_step"], cells["custom/a"], cells["images"]) == ("0", "0", "0")


def test_pages_fit_a_phone_and_paper(lab: Lab, open_tab) -> None:
    name = "some/rather/long/metric/name_that_is_wider_than_any_phone_could_ever_be"
    sweep = lab.sweep(GRID.replace("val/acc", name))
    agent = lab.agent(sweep)
    for value in range(4):
        run = lab.claim(agent)["run_id"]
        lab.log(run, [{name: step + value} for step in range(3)], {name: value / 7})
        lab.end(run)
    view = open_tab(lab.address("sweeps", sweep["name"]))
    view.tab.set_viewport_size({"width": 360, "height": 780})
    for address in (lab.address("sweeps", sweep["name"]), lab.address("runs", run), lab.address()):
        view.tab.goto(address)
        view.loaded()
        assert view.tab.evaluate("document.documentElement.scrollWidth") == 360, address
    view.tab.emulate_media(media="print")
    view.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(view.tab.locator("table.runs tbody tr[data-run]")).to_have_count(4)


def test_still_pages_have_a_main_landmark(server: ServerProcess, open_tab) -> None:
    view = open_tab(f"{server.url}/no/such/page", signed_in=False)
    expect(view.tab.get_by_role("main").get_by_role("heading", name="Sign in")).to_have_count(1)
    expect(view.tab.get_by_role("main")).to_contain_text("--server-dir")
    assert json.dumps(str(server.data_dir)) not in view.tab.content()
