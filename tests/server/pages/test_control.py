"""What a person changes on a page is in the database afterwards, and an agent obeys it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.page.conftest import LATE, View, expect
from tests.server.pages.conftest import Lab

GRID = """
program: train.py
method: grid
metric: {name: val/acc, goal: maximize}
parameters:
  lr: {values: [0.1, 0.01]}
  seed: {values: [1, 2, 3]}
"""
LR, SEED = (0.1, 0.01), (1, 2, 3)


@pytest.fixture
def sweep(lab: Lab) -> dict:
    return lab.sweep(GRID)


def eventually(view: View, check: Callable[[], bool]) -> None:
    """Wait until the page has done what it was told to do."""
    for _ in range(LATE // 100):
        if check():
            return
        view.tab.wait_for_timeout(100)
    raise AssertionError("it did not come to that")


def state(lab: Lab, sweep: dict) -> str:
    return lab.read_sweep(sweep)["state"]


def test_pausing_resuming_stopping_and_cancelling(lab: Lab, sweep: dict, open_tab) -> None:
    agent = lab.agent(sweep)
    run = lab.claim(agent)["run_id"]
    view = open_tab(lab.address("sweeps", sweep["name"]))
    button = lambda name: view.tab.get_by_role("button", name=name, exact=True)  # noqa: E731
    button("Pause").click()
    button("Resume").wait_for()
    assert state(lab, sweep) == "PAUSED"
    assert not any(command["type"] == "run" for command in lab.heartbeat(lab.agent(sweep)))
    button("Resume").click()
    button("Pause").wait_for()
    assert state(lab, sweep) == "RUNNING"
    button("Cancel").click()
    dialog = view.tab.get_by_role("dialog")
    expect(dialog).to_contain_text("1 run under way will be killed")
    dialog.get_by_role("button", name="Cancel", exact=True).click()
    view.settle()
    assert state(lab, sweep) == "RUNNING"
    button("Cancel").click()
    dialog.get_by_role("button", name="Cancel the sweep").click()
    eventually(view, lambda: state(lab, sweep) == "CANCELED")
    assert [command["type"] for command in lab.heartbeat(agent, run)] == ["exit"]


def test_runs_are_tagged_renamed_noted_stopped_and_deleted(lab: Lab, sweep: dict, open_tab) -> None:
    agents = [lab.agent(sweep) for _ in range(3)]
    first, second, third = (lab.claim(agent)["run_id"] for agent in agents)
    lab.end(first, 1)
    view = open_tab(lab.address())
    tab = view.tab

    def pick(*runs: str) -> None:
        for name in runs:
            tab.get_by_role("checkbox", name=f"Pick {lab.row(name)['display_name']}", exact=True).check()

    def press(name: str) -> None:
        tab.get_by_role("group", name="With the picked runs").get_by_role("button", name=name).click()

    def answer(name: str, **fields: str) -> None:
        dialog = tab.get_by_role("dialog")
        for label, text in fields.items():
            dialog.get_by_label(label).fill(text)
        dialog.get_by_role("button", name=name, exact=True).click()

    pick(first, second)
    press("Tag")
    answer("Tag", Tags="good, old")
    eventually(view, lambda: lab.row(second)["tags"] == '["good", "old"]')
    press("Tag")
    answer("Tag", Tags="-old, new")
    eventually(view, lambda: lab.row(first)["tags"] == '["good", "new"]')
    tab.get_by_role("searchbox").fill("tag:new")
    tab.get_by_text("2 of 3 runs").wait_for()
    tab.get_by_role("searchbox").fill("")
    press("None")
    pick(second)
    press("Rename")
    answer("Rename", Name="the good one")
    eventually(view, lambda: lab.row(second)["display_name"] == "the good one")
    press("Notes")
    answer("Save", Notes="line one\nline two")
    eventually(view, lambda: lab.row(second)["notes"] == "line one\nline two")
    press("Stop")
    answer("Cancel")
    view.settle()
    assert lab.row(second)["stop_requested"] == 0
    press("Stop")
    answer("Stop")
    eventually(view, lambda: lab.row(second)["stop_requested"] == 1)
    press("None")
    pick(third)
    press("Delete")
    expect(tab.get_by_role("dialog")).to_contain_text("for good")
    answer("Delete")
    tab.get_by_text("2 runs", exact=True).wait_for()
    with sqlite3.connect(lab.server.data_dir / "metasweep.db") as connection:
        assert connection.execute("SELECT count(*) FROM runs WHERE name = ?", (third,)).fetchone() == (0,)
    assert [problem for problem in view.problems if "status of" not in problem] == []


def test_a_point_that_has_had_all_its_attempts_is_released(lab: Lab, sweep: dict, open_tab) -> None:
    agent = lab.agent(sweep)
    for _ in range(3):  # --max-attempts
        run = lab.claim(agent)["run_id"]
        point = lab.row(run)["point"]
        lab.end(run, 1)
    view = open_tab(lab.address("sweeps", sweep["name"]))
    view.tab.get_by_text("1 failed").wait_for()
    name = lab.row(run)["display_name"]
    view.tab.get_by_role("checkbox", name=f"Pick {name}", exact=True).check()
    view.tab.get_by_role("button", name="Release point").click()
    view.tab.get_by_text("1 to be tried again").wait_for()
    assert lab.row(lab.claim(agent)["run_id"])["point"] == point
    view.tab.get_by_role("button", name="Release point").click()
    expect(view.tab.get_by_role("alert").last).to_contain_text("another run has this point")


def test_groups_hold_mean_and_interval(lab: Lab, sweep: dict, open_tab) -> None:
    values = {0.1: [0.9, 0.91, 0.95], 0.01: [0.8, 0.7, 0.75]}
    agent = lab.agent(sweep)
    for _ in range(6):
        command = lab.claim(agent)
        lr, seed = (command["args"][name]["value"] for name in ("lr", "seed"))
        lab.log(command["run_id"], [], {"val/acc": values[lr][seed - 1]})
        lab.end(command["run_id"])
    view = open_tab(lab.address("sweeps", sweep["name"]))
    view.tab.get_by_role("button", name="All but seed").click()
    view.tab.get_by_text("6 runs in 2 groups").wait_for()
    rows = view.tab.locator("table.runs tbody tr.group")
    # scipy.stats.t.interval(0.95, 2, mean, sem): 92.00 ± 6.57, 75.00 ± 12.42
    expect(rows).to_contain_text(["92.00 ± 6.57 %", "75.00 ± 12.42 %"])
    expect(rows.first).to_contain_text("3 runs")
    rows.first.click()
    expect(view.tab.locator("table.runs tbody tr.member")).to_have_count(3)
    view.reload()
    view.tab.get_by_text("6 runs in 2 groups").wait_for()


def test_columns_and_orders_are_chosen_and_kept(lab: Lab, open_tab) -> None:
    lab.fill(
        [
            {"config": {"a": index % 2, "b": index}, "summary": {"loss": index % 3, "extra/z": index}}
            for index in range(9)
        ]
    )
    view = open_tab(lab.address())
    heads = view.tab.locator("table.runs thead button")
    view.tab.get_by_text("Columns", exact=True).click()
    panel = view.tab.locator(".menu-body:visible")
    panel.get_by_label("a", exact=True).uncheck()
    panel.get_by_role("button", name="Move up b").click()
    panel.get_by_role("button", name="Pin loss").click()
    view.settle()
    chosen = heads.all_inner_texts()
    assert "a" not in chosen
    assert chosen[1] == "loss"
    view.tab.keyboard.press("Escape")
    view.tab.get_by_role("button", name="loss").click()
    view.tab.get_by_role("button", name="b", exact=True).click(modifiers=["Shift"])
    assert view.column("loss") == ["0", "0", "0", "1", "1", "1", "2", "2", "2"]
    assert view.column("b") == ["0", "3", "6", "1", "4", "7", "2", "5", "8"]
    edge = view.tab.locator("th[data-column=b] .edge").bounding_box()
    width = view.tab.locator("th[data-column=b]").bounding_box()["width"]
    view.tab.mouse.move(edge["x"] + 4, edge["y"] + 5)
    view.tab.mouse.down()
    view.tab.mouse.move(edge["x"] + 64, edge["y"] + 5)
    view.tab.mouse.up()
    view.reload()
    expect(heads).to_have_text(chosen)
    assert view.column("b")[:3] == ["0", "3", "6"]
    assert view.tab.locator("th[data-column=b]").bounding_box()["width"] >= width + 50
    with view.tab.expect_download() as download:
        view.tab.get_by_role("button", name="CSV", exact=True).click()
    lines = download.value.path().read_text().splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("id,name,state,")


def test_columns_are_dragged_to_their_place(lab: Lab, open_tab) -> None:
    runs = [{"config": {"a": index, "b": -index, "c": 0}, "summary": {"loss": index}} for index in range(3)]
    lab.fill(runs)
    view = open_tab(lab.address())
    heads = view.tab.locator("table.runs thead button")

    def begin_with(*names: str) -> None:
        for at, name in enumerate(names):
            expect(heads.nth(at)).to_have_text(name)

    begin_with("Run", "loss", "a", "b", "c")
    heads.filter(has_text="b").first.drag_to(heads.filter(has_text="loss"))
    begin_with("Run", "b", "loss", "a", "c")
    heads.filter(has_text="a").first.drag_to(heads.filter(has_text="Run"))
    begin_with("a", "Run", "b", "loss", "c")
    assert view.column("a") == ["0", "1", "2"]
    expect(view.tab.locator("th[data-column=a]")).to_contain_class("pinned")
    view.reload()
    begin_with("a", "Run", "b", "loss", "c")
    view.tab.locator("th[data-column=b] .edge").dblclick()  # as wide as its content
    assert view.problems == []


def test_the_time_left_is_told_by_the_last_runs(lab: Lab, sweep: dict, open_tab) -> None:
    agents = [lab.agent(sweep) for _ in range(2)]
    for second in (0, 30, 60):  # one every thirty seconds
        run = lab.claim(agents[0])["run_id"]
        lab.end(run)
        with sqlite3.connect(lab.server.data_dir / "metasweep.db", timeout=30) as connection:
            time = f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z"
            connection.execute("UPDATE runs SET heartbeat_at = ? WHERE name = ?", (time, run))
    view = open_tab(lab.address("sweeps", sweep["name"]))
    expect(view.tab.locator(".progress-line")).not_to_contain_text("left")  # nobody is at work
    lab.claim(agents[1])
    view.tab.get_by_text("some 90 s left").or_(view.tab.get_by_text("some 2 min left")).wait_for()


def test_the_leaderboard_queues_the_seeds_that_would_settle_it(lab: Lab, open_tab) -> None:
    """Whatever the sweep calls its seed."""
    sweep = lab.sweep(GRID.replace("seed:", "random_state:"))
    values = {0.1: [0.90, 0.91, 0.95], 0.01: [0.89, 0.93, 0.90]}
    agent = lab.agent(sweep)
    for _ in range(6):
        command = lab.claim(agent)
        lr, seed = (command["args"][name]["value"] for name in ("lr", "random_state"))
        lab.log(command["run_id"], [], {"val/acc": values[lr][seed - 1]})
        lab.end(command["run_id"])
    assert state(lab, sweep) == "FINISHED"
    view = open_tab(lab.address("sweeps", sweep["name"]))
    board = view.tab.get_by_role("group", name="Leaderboard of configurations")
    first, second = (board.locator("tbody tr").nth(at) for at in (0, 1))
    expect(first).to_contain_text("92.00 ± 6.57 %")
    expect(first).to_contain_text("best")
    # scipy.stats.ttest_rel([0.90, 0.91, 0.95], [0.89, 0.93, 0.90]).pvalue = 0.578
    expect(second).to_contain_text("cannot be distinguished, p = 0.58")
    view.tab.get_by_role("button", name="Queue 3 more seeds for these 2 rows").click()
    view.tab.get_by_role("dialog").get_by_role("button", name="Queue").click()
    view.tab.get_by_text("6 missing").wait_for()
    assert state(lab, sweep) == "RUNNING"
    seeds = []
    for _ in range(6):
        command = lab.claim(agent)
        seeds.append((command["args"]["lr"]["value"], command["args"]["random_state"]["value"]))
        lab.end(command["run_id"])
    assert sorted(seeds) == [(lr, seed) for lr in (0.01, 0.1) for seed in (4, 5, 6)]
    assert state(lab, sweep) == "FINISHED"
    view.tab.get_by_text("all 12 runs finished").wait_for()


def test_a_run_is_edited_stopped_and_its_log_searched(lab: Lab, sweep: dict, open_tab) -> None:
    run = lab.claim(lab.agent(sweep))["run_id"]
    lines = [f"line {number} {'needle' if number in (3, 700) else ''}" for number in range(800)]
    lab.stream(run, {"files": {"output.log": {"offset": 0, "content": lines}}})
    view = open_tab(lab.address("runs", run))
    tab = view.tab
    tab.get_by_role("button", name="Edit").click()
    dialog = tab.get_by_role("dialog")
    dialog.get_by_label("Name").fill("better name")
    dialog.get_by_label("Tags").fill("x, y")
    dialog.get_by_label("Notes").fill("one\ntwo")
    dialog.get_by_role("button", name="Save").click()
    tab.get_by_role("heading", name="better name").wait_for()
    row = lab.row(run)
    assert (row["display_name"], row["tags"], row["notes"]) == ("better name", '["x", "y"]', "one\ntwo")
    assert row["state"] == "running"
    tab.get_by_label("Find in the log").fill("needle")
    tab.get_by_text("1 line", exact=True).wait_for()
    tab.get_by_role("button", name="All lines").click()
    tab.get_by_text("2 lines", exact=True).wait_for()
    tab.get_by_role("button", name="Stop").click()
    dialog.get_by_role("button", name="Stop").click()
    tab.get_by_text("running, told to stop").wait_for()
    assert lab.row(run)["stop_requested"] == 1


def test_a_selection_is_exported(lab: Lab, sweep: dict, open_tab, tmp_path: Path) -> None:
    agent = lab.agent(sweep)
    for number in range(6):
        run = lab.claim(agent)["run_id"]
        lab.log(run, [], {"val/acc": 0.5 + number / 20})
        lab.end(run)
    view = open_tab(lab.address("sweeps", sweep["name"]))
    tab = view.tab
    view.category("lr", "0.1").click()
    view.brush("val/acc", 0.7, 1.02)
    kept = view.selected()
    assert 0 < kept < 3
    tab.get_by_role("button", name="As --where").click()
    text = tab.get_by_role("dialog").get_by_role("textbox").input_value()
    assert text.startswith("lr=0.1 and val/acc>=")
    tab.get_by_role("dialog").get_by_role("button", name="Close").click()
    tab.get_by_role("button", name="Refine").click()
    config = yaml.safe_load(tab.get_by_role("dialog").get_by_role("textbox").input_value())
    assert config["parameters"]["lr"] == {"values": [0.1]}
    assert len(config["parameters"]["seed"]["values"]) == kept
    assert (config["program"], config["metric"]["name"]) == ("train.py", "val/acc")
    tab.get_by_role("dialog").get_by_role("button", name="Close").click()
    view.reload()
    assert view.selected() == kept
    view.tab.get_by_role("searchbox", name="Filter the runs").fill(text)
    assert view.selected() == kept
    with tab.expect_download() as download:
        tab.get_by_role("link", name="As a file").click()
    saved = tmp_path / "page.html"
    download.value.save_as(saved)
    file = tab.context.new_page()
    file.goto(saved.as_uri())
    file.locator("table.runs").wait_for()
    file.get_by_text("6 runs").first.wait_for()


def test_runs_side_by_side(lab: Lab, open_tab) -> None:
    lab.fill(
        [{"config": {"lr": lr, "same": 1}, "summary": {"loss": loss}} for lr, loss in [(0.1, 2), (0.2, 1)]]
    )
    view = open_tab(lab.address())
    view.tab.get_by_label("Pick all the runs shown").check()
    view.tab.get_by_role("button", name="Compare").click()
    dialog = view.tab.get_by_role("dialog")
    names = dialog.locator("tbody th")
    expect(names.get_by_text("loss", exact=True)).to_be_visible()
    expect(names.get_by_text("lr", exact=True)).to_be_visible()
    expect(names.get_by_text("same", exact=True)).to_have_count(0)
    expect(dialog.locator("tbody strong")).to_have_text(["1"])
    dialog.get_by_label("also the").check()
    expect(names.get_by_text("same", exact=True)).to_be_visible()
