"""What the report says while a sweep runs: the same on the page as by reading the server through its API."""

from __future__ import annotations

import json
import re
import sys

import pytest

from metasweep.server.pages.data.live_report import Reporter
from tests.page.conftest import expect
from tests.server.pages.conftest import Lab
from tests.waiting import wait_until

SWEEP = """
program: train.py
method: grid
metric: {name: val/acc, goal: maximize}
parameters:
  lr: {values: [0.1, 0.01, 0.001]}
  seed: {values: [1, 2, 3]}
  spare: {values: [1]}
"""
MEANS = {0.1: 0.99, 0.01: 0.95, 0.001: 0.9}
COLLAPSED = (0.001, 3)
READ = """
import json, sys, tempfile
from pathlib import Path
from metasweep.report.measure.findings import findings
from metasweep.report.read import api, connection
from metasweep.report.read.cache import HistoryCache
study = api.read(connection.connect(), sys.argv[1:], HistoryCache(Path(tempfile.mkdtemp()) / "cache"))
print(json.dumps([finding.text for finding in findings(study)]))
"""


@pytest.fixture
def sweep(lab: Lab) -> dict:
    """Nine finished runs: the highest learning rate is the best, and one run forgets what it learned."""
    sweep = lab.sweep(SWEEP)
    agent = lab.agent(sweep)
    for _ in range(9):
        command = lab.claim(agent)
        values = {name: entry["value"] for name, entry in command["args"].items()}
        config = json.dumps({name: {"value": value} for name, value in values.items()})
        lab.start_run(command["run_id"], config=config)
        lr, seed = values["lr"], values["seed"]
        end = 0.1 if (lr, seed) == COLLAPSED else MEANS[lr] + seed / 1000 + lr * (seed == 2) / 100
        lines = [{"val/acc": value, "epoch": epoch} for epoch, value in enumerate((0.5, 0.8, end), 1)]
        lab.log(command["run_id"], lines, {"val/acc": end, "epoch": 3})
        lab.end(command["run_id"])
    return sweep


def test_the_page_says_what_the_report_says(lab: Lab, sweep: dict, open_tab) -> None:
    view = open_tab(lab.address("sweeps", sweep["name"]))
    tab = view.tab
    warnings = tab.get_by_role("region", name="Warnings").get_by_role("listitem")
    edge, collapsed = (
        warnings.filter(has_text=text) for text in ("has the highest lr of the grid", "collapsed")
    )
    expect(collapsed).to_contain_text("1 run: collapsed (it had learned something and lost it).")
    edge.get_by_role("button").click()
    tab.get_by_text("3 of 9 runs").first.wait_for()
    assert set(view.column("lr")) == {"10⁻¹"}
    expect(tab.get_by_role("searchbox", name="Filter the runs")).to_have_value("lr=0.1")
    collapsed.get_by_role("button").click()
    tab.get_by_text("1 of 9 runs").first.wait_for()
    assert view.column("_went") == ["collapsed"]
    tab.get_by_role("button", name="As --where").click()
    run = tab.locator("table.runs tbody tr[data-run] a")
    expect(run).to_have_count(1)
    name = run.get_attribute("href").rpartition("/")[2]
    expect(tab.get_by_role("dialog").get_by_role("textbox")).to_have_value(f"id in ({name})")
    tab.get_by_role("dialog").get_by_role("button", name="Close").click()
    collapsed.get_by_role("button").click()
    assert view.selected() == 9
    findings = tab.get_by_role("region", name="Findings so far").get_by_role("listitem")
    path = f"{lab.entity}/{lab.project}/{sweep['name']}"
    report = lab.server.run(sys.executable, "-c", READ, path)
    assert report.returncode == 0, report.stderr
    own = json.loads(report.stdout)
    expect(findings.last).to_have_text(own[-1])
    assert findings.all_inner_texts()[-len(own) :] == own
    expect(tab.get_by_role("region", name="Importance")).to_contain_text("lr")
    assert view.problems == []


def test_two_sweeps_side_by_side(lab: Lab, sweep: dict, open_tab) -> None:
    wider = lab.sweep(SWEEP.replace("[0.1, 0.01, 0.001]", "[1, 0.1, 0.01]").replace("train.py", "other.py"))
    view = open_tab(lab.address("sweeps", sweep["name"]))
    tab = view.tab
    tab.get_by_role("region", name="Warnings").wait_for()
    tab.get_by_text("Compare with", exact=True).click()
    tab.get_by_role("button", name=wider["name"]).click()
    dialog = tab.get_by_role("dialog")
    searched = dialog.get_by_role("group", name="What differs").first
    differences = ["program", "train.py", "other.py", "lr", "0.1, 0.01, 0.001", "1, 0.1, 0.01"]
    expect(searched.locator("tbody tr > *")).to_have_text(differences)
    # Above what is searched, and above what is reached.
    expect(dialog.get_by_role("link", name=wider["name"])).to_have_count(2)
    dialog.get_by_text("has the highest lr of the grid").first.wait_for()
    view.reload()
    dialog.get_by_role("heading", name="Searched").wait_for()
    dialog.get_by_role("button", name="Close").click()
    expect(tab).not_to_have_url(re.compile("against"))
    assert view.problems == []


def test_a_question_that_fails_is_said_and_asked_again() -> None:
    reporter = Reporter()
    asked: list[int] = []

    def ask(version: int) -> str:
        return reporter.newest(1, version, lambda: asked.append(version) or {"nonsense": True}).problem

    assert ask(1) == ""
    wait_until(lambda: ask(1))
    assert ask(1) == ask(2) == "The report failed: the server's log says why."
    assert asked == [1]  # not at once
    reporter.close()
