"""Reading from a server that fails, a sweep that still runs, and what the cache saves."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.agent.processes import ending
from tests.cloud.limits import Limit
from tests.cloud.proxy import Cloud, serve
from tests.report.conftest import SWEEP_YAML, Toy, new_sweep
from tests.report.read.flaky import DROP, Proxy, flaky

LISTING_CALLS = 4  # at most: who am I, the sweep, its runs
REQUESTS = 12  # for the histories of 24 runs, two at a time
IN_PAIRS = """
from analysis.__main__ import main
from metasweep.report.read import histories
histories.MOST_RUNS = 2
main()
"""
SLOW_RUN = """
import sys, wandb
from tests.report.toy import CLASSES, GRID
config = {**GRID[0], "class_counts": CLASSES}
with wandb.init(project="toy", config=config, settings=wandb.Settings(sweep_id=sys.argv[1])) as run:
    for epoch, accuracy in enumerate((0.6, 0.7), 1):
        run.log({"val/acc": accuracy, "test/acc": accuracy, "epoch": epoch}, step=epoch)
        print("logged", epoch, flush=True)
        sys.stdin.readline()
"""


def well(_number: int) -> None:
    """No fault."""


def results(
    toy: Toy, proxy: Proxy, cache: str, *options: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """A section, for which histories are read, through a proxy whose counts start at zero."""
    proxy.seen = proxy.failed = 0
    return in_pairs(toy, proxy.url, cache, *options, **env)


def in_pairs(toy: Toy, url: str, cache: str, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A section, for which the histories of two runs are asked for at a time."""
    where = {"WANDB_BASE_URL": url, "XDG_CACHE_HOME": str(toy.server.home / cache)}
    command = ("-c", IN_PAIRS, "section", "results", toy.sweep)
    return toy.server.python(*command, *options, **where, **env)


@pytest.fixture(scope="module")
def undisturbed(toy: Toy) -> str:
    """What the section says when nothing goes wrong."""
    return toy.analysis("section", "results", toy.sweep).stdout


def test_a_busy_server_is_asked_again(toy: Toy, undisturbed: str) -> None:
    faults = {0: 429, 3: 503, 5: DROP}
    with flaky(toy.server.port, lambda number: faults.get(number % 7)) as proxy:
        found = results(toy, proxy, "disturbed")
    assert found.returncode == 0, found.stderr
    assert proxy.failed > 5
    assert found.stdout == undisturbed


def test_a_server_that_is_lost_half_way_costs_one_line_and_not_what_was_read(toy: Toy) -> None:
    half = LISTING_CALLS + REQUESTS // 2
    with flaky(toy.server.port, well) as proxy:
        proxy.fault = lambda number: DROP if number > half else None
        found = results(toy, proxy, "half")
        assert (found.returncode, found.stdout) == (1, "")
        assert found.stderr.startswith("Error: Lost the server while reading")
        assert len(found.stderr.strip().splitlines()) == 1
        proxy.fault = well
        found = results(toy, proxy, "half")
        assert found.returncode == 0, found.stderr
        assert proxy.seen < LISTING_CALLS + REQUESTS - 3


def test_the_cache_saves_every_history_until_told_otherwise(toy: Toy) -> None:
    with flaky(toy.server.port, well) as proxy:
        first = results(toy, proxy, "kept")
        cold = proxy.seen
        second = results(toy, proxy, "kept")
        warm = proxy.seen
        results(toy, proxy, "kept", "--refresh")
        refreshed = proxy.seen
    assert cold == refreshed == warm + REQUESTS
    assert warm <= LISTING_CALLS
    assert first.stdout == second.stdout


def test_the_histories_of_many_runs_are_one_request(toy: Toy) -> None:
    with serve(Cloud(toy.server.url)) as cloud:
        where = {"WANDB_BASE_URL": cloud.url, "XDG_CACHE_HOME": str(toy.server.home / "at-once")}
        found = toy.analysis("section", "results", toy.sweep, **where)
        assert found.stdout == toy.analysis("section", "results", toy.sweep).stdout != ""
        assert cloud.seen["Histories"] == 1, cloud.seen


def test_what_needs_no_history_takes_a_handful_of_requests(toy: Toy) -> None:
    with serve(Cloud(toy.server.url)) as cloud:
        for command in ("status", "table", "importance"):
            before = cloud.total
            done = toy.analysis(command, toy.sweep, WANDB_BASE_URL=cloud.url, XDG_CACHE_HOME="nowhere")
            assert done.stdout == toy.analysis(command, toy.sweep).stdout != ""
            assert cloud.total - before <= 5, cloud.seen


def test_a_limit_is_waited_out_and_said(toy: Toy, undisturbed: str) -> None:
    with serve(Cloud(toy.server.url, limits={"all": Limit(12, seconds=8)})) as cloud:
        found = in_pairs(toy, cloud.url, "limited", WANDB_HTTP_TIMEOUT="3")
        assert found.returncode == 0, found.stderr
        assert cloud.refused["429"]
        assert "W&B is throttling this account: waiting" in found.stderr
        assert found.stdout == undisturbed


@contextmanager
def slow_run(toy: Toy, sweep: str) -> Iterator[subprocess.Popen[str]]:
    """A run that waits for a line before it goes on."""
    command = [sys.executable, "-c", SLOW_RUN, sweep.rpartition("/")[2]]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=toy.server.home, env=toy.server.env, text=True, **pipes)
    with ending(process):
        yield process


def test_a_sweep_that_still_runs_is_reported_as_far_as_it_is(toy: Toy) -> None:
    sweep = new_sweep(toy.server, SWEEP_YAML)
    assert "has no runs yet" in toy.analysis("report", sweep).stderr
    with slow_run(toy, sweep) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "logged 1\n"
        found = toy.analysis("report", sweep, "--output", "running", "--only", "results", "--only", "runs")
        assert found.returncode == 0, found.stderr
        readme = (toy.server.home / "running" / "README.md").read_text()
        assert "0 of 24 finished, 1 running, 23 missing" in readme
        early = toy.analysis("table", sweep)
        assert early.returncode == 1
        assert "No run is finished yet: 0 of 24 finished, 1 running" in early.stderr
        process.stdin.write("\n\n")
        process.stdin.flush()
        assert process.wait(60) == 0
    later = json.loads(toy.analysis("table", sweep, "--format", "json").stdout)
    assert later["rows"][0]["test_mean"] == pytest.approx(0.7)
    assert "The sweep is not complete: 1 of 24 finished" in " ".join(later["notes"])


def test_sweeps_are_joined_also_from_before_a_change_of_the_grid(toy: Toy) -> None:
    changed = SWEEP_YAML.replace("dp: {values: [0, 0.5]}", "dp: {values: [0, 0.25]}")
    sweep = new_sweep(toy.server, changed)
    with slow_run(toy, sweep) as process:
        assert process.stdin
        process.stdin.write("\n\n")
        process.stdin.flush()
        assert process.wait(60) == 0
    found = toy.analysis("status", toy.sweep, sweep, "--format", "json")
    (counts,) = json.loads(found.stdout)["rows"]
    # 24 points of the one grid, 12 more of the other; the new run repeats a point that the old grid finished
    assert (counts["expected"], counts["finished"]) == (36, 22)
    assert counts["duplicated"] == 2
