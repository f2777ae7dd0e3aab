"""The process of the next run is started ahead of it."""

from __future__ import annotations

import os

import pytest

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
    parent, deadline = os.getppid(), time.monotonic() + 240
    children = pathlib.Path(f"/proc/{parent}/task/{parent}/children")

    def stands_by(pid):  # the other child of the forkserver has wandb's service as a child of its own
        own = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        try: return int(pid) != os.getpid() and not own.read_text()
        except FileNotFoundError: return False

    with wandb.init() as run:
        run.log({"score": 1})
        while not (waiting := [pid for pid in children.read_text().split() if stands_by(pid)]):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        for pid in waiting:
            os.kill(int(pid), signal.SIGKILL)
        while any(pathlib.Path(f"/proc/{pid}").exists() for pid in waiting):
            assert time.monotonic() < deadline
            time.sleep(0.01)
"""


def test_a_process_is_there_before_its_run(workshop: Workshop) -> None:
    code, output = workshop.agent(workshop.sweep(BORN, values=4), "--workers", "1")
    assert code == 0, output
    summaries = sorted((run.summary for run in workshop.runs(output)), key=lambda summary: summary["ended"])
    assert len(summaries) == 4
    assert summaries[-1]["born"] < summaries[-2]["ended"]


LIST_IMPORTS = """
    import os, sys
    def note(event, arguments):
        if event == "import":
            os.write(file, f"{os.getpid()} {arguments[0]}\\n".encode())
    file = os.open("imports", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    sys.addaudithook(note)
"""
TELLS_ITS_PROCESS = """
    import os, wandb
    with wandb.init() as run:
        run.log({"score": 1, "process": os.getpid()})
"""


def test_a_fork_has_no_library_to_import(workshop: Workshop) -> None:
    workshop.write("sitecustomize.py", LIST_IMPORTS)
    path = os.pathsep.join((str(workshop.folder), workshop.environ["PYTHONPATH"]))
    sweep = workshop.sweep(TELLS_ITS_PROCESS, values=4)
    code, output = workshop.agent(sweep, "--workers", "1", environ={"PYTHONPATH": path})
    assert code == 0, output
    last = max(workshop.runs(output), key=lambda run: run.summary["_timestamp"])
    imported = [line.split() for line in (workshop.folder / "imports").read_text().splitlines()]
    assert [name for process, name in imported if int(process) == last.summary["process"]] == []


@pytest.mark.parametrize("way", ["forked", "started ahead"])
def test_a_spare_process_that_dies_is_replaced(workshop: Workshop, way: str) -> None:
    program = KILL_THE_NEXT + ("" if way == "forked" else "    hash('')\n")
    code, output = workshop.agent(workshop.sweep(program, values=3), "--workers", "1")
    assert way in output
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


def test_the_packages_are_listed_once_for_all_forks(workshop: Workshop) -> None:
    sweep = workshop.sweep(values=3, command=["python", "-m", "own", "${args}"])
    (workshop.folder / "own").mkdir()
    (workshop.folder / "program.py").rename(workshop.folder / "own" / "__main__.py")
    workshop.write("own/__init__.py", "def warm_up(arguments): pass\n")
    _, output = workshop.agent(sweep, "--workers", "1")
    assert "runs are forked from a process that has imported own: it has a warm_up()" in output
    listed = [[file.name for file in run.files()].count("requirements.txt") for run in workshop.runs(output)]
    assert sorted(listed) == [0, 0, 1]
