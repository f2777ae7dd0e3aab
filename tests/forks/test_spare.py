"""The process of the next run is forked ahead of it."""

from __future__ import annotations

import os

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

    def born(pid):  # its number does not tell who came later: numbers start again
        try: return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        except FileNotFoundError: return -1

    def born_after(me):
        pids = [int(pid) for pid in children.read_text().split() if int(pid) != me]
        return [pid for pid in pids if born(pid) >= born(me)]

    with wandb.init() as run:
        run.log({"score": 1})
        while not (newer := born_after(os.getpid())):
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


# As the kernel does when the job's processes or its memory are used up.
NO_FORK = """
    import errno, os
    fork = os.fork
    def refuse():
        if os.path.exists("no-fork"): raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return fork()
    os.fork = refuse
"""
REFUSED = "cannot start a process: Resource temporarily unavailable"
USES_UP = f"""
    import pathlib, sys, time, wandb
    x, limit = int(sys.argv[1][4:]), pathlib.Path("no-fork")
    with wandb.init() as run:
        run.log({{"score": x}})
        if x == 1: limit.touch()
        logs = lambda: [path.read_text() for path in pathlib.Path().glob("wandb/*/run-*.log")]
        while x == 0 and not any("{REFUSED}" in text for text in logs()):
            time.sleep(0.01)
        if x == 0: limit.unlink()
"""


def test_a_process_that_cannot_be_started_is_the_loss_of_its_run_alone(workshop: Workshop) -> None:
    workshop.write("sitecustomize.py", NO_FORK)
    path = os.pathsep.join((str(workshop.folder), workshop.environ["PYTHONPATH"]))
    sweep = workshop.sweep(USES_UP, values=8)
    arguments = (sweep, "--workers", "2", "--max-failures", "0")
    code, output = workshop.agent(*arguments, environ={"PYTHONPATH": path})
    assert code == 0, output
    assert f"exit code 126: {REFUSED}" in output
    states = [run.state for run in workshop.runs(output) if run.config["x"] == 0]
    assert states == ["finished"], "the run beside it goes on"


def test_the_packages_are_listed_once_for_all_runs(workshop: Workshop) -> None:
    _, output = workshop.agent(workshop.sweep(values=3), "--workers", "1")
    listed = [[file.name for file in run.files()].count("requirements.txt") for run in workshop.runs(output)]
    assert sorted(listed) == [0, 0, 1]
