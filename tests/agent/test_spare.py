"""The process of the next run is forked ahead of it."""

from __future__ import annotations

from tests.agent.conftest import Workshop

BORN = """
    import os, time, wandb
    with wandb.init() as run:
        ticks = int(open("/proc/self/stat").read().rpartition(")")[2].split()[19])
        born = ticks / os.sysconf("SC_CLK_TCK")
        run.log({"score": 1, "born": born, "ended": time.clock_gettime(time.CLOCK_BOOTTIME)})
"""
KILL_THE_NEXT = """
    import os, pathlib, signal, time, wandb
    parent, deadline = os.getppid(), time.monotonic() + 20
    children = pathlib.Path(f"/proc/{parent}/task/{parent}/children")
    with wandb.init() as run:
        run.log({"score": 1})
        while not (newer := [pid for pid in map(int, children.read_text().split()) if pid > os.getpid()]):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for pid in newer:
            os.kill(pid, signal.SIGKILL)
        while any(pathlib.Path(f"/proc/{pid}").exists() for pid in newer):
            assert time.monotonic() < deadline
            time.sleep(0.01)
"""


def test_a_process_is_there_before_its_run(workshop: Workshop) -> None:
    code, output = workshop.agent(workshop.sweep(BORN, values=4), "--workers", "1")
    assert code == 0, output
    summaries = sorted((run.summary for run in workshop.runs(output)), key=lambda summary: summary["ended"])
    assert len(summaries) == 4
    assert summaries[-1]["born"] < summaries[-2]["ended"]


def test_a_spare_process_that_dies_is_replaced(workshop: Workshop) -> None:
    code, output = workshop.agent(workshop.sweep(KILL_THE_NEXT, values=3), "--workers", "1")
    assert code == 0, output
    assert [run.state for run in workshop.runs(output)] == ["finished"] * 3


def test_the_packages_are_listed_once_for_all_runs(workshop: Workshop) -> None:
    _, output = workshop.agent(workshop.sweep(values=3), "--workers", "1")
    listed = [[file.name for file in run.files()].count("requirements.txt") for run in workshop.runs(output)]
    assert sorted(listed) == [0, 0, 1]
