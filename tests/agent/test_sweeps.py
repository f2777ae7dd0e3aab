"""Real sweeps through the real server with the real client."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.agent.conftest import Workshop
from tests.waiting import wait_until


def test_every_point_is_run_once(workshop: Workshop) -> None:
    # left by a program that used wandb, started the agent and has ended
    stale = {"WANDB_SERVICE": "3-1-unix-/nowhere/socket"}
    code, output = workshop.agent(workshop.sweep(values=6), "--workers", "2", environ=stale)
    assert code == 0, output
    runs = workshop.runs(output)
    assert sorted(run.config["x"] for run in runs) == list(range(6))
    assert {run.state for run in runs} == {"finished"}
    assert [run.summary["score"] for run in runs] == [run.config["x"] for run in runs]
    assert set(workshop.logs()) == {run.id for run in runs}
    assert "6 of 6 runs done" in output
    assert "best score 5 (point-6)" in output  # as the page calls them
    for run in runs:
        assert f"run {run.name} ({run.id}) finished in" in output
    name = next(word for word in output.split() if word.count("/") == 2)
    again = workshop.start(name, stderr=subprocess.PIPE)
    assert again.communicate(timeout=240)[0] == f"{name}\n"  # for scripts: nothing else on standard output
    assert again.returncode == 0


def test_a_run_is_like_a_new_process(workshop: Workshop) -> None:
    program = """
        import json, os, pickle, random, sys, wandb
        assert "LEAK" not in os.environ and not hasattr(json, "leak") and not os.path.exists("leak")
        class Thing: pass
        assert type(pickle.loads(pickle.dumps(Thing()))) is Thing
        assert sys.argv[0] == "program.py" and sys.stdin.read() == ""
        assert not [name for name in sys.modules if name.partition(".")[0] == "metasweep"]
        os.environ["LEAK"], json.leak = "1", True
        os.makedirs("sub", exist_ok=True); os.chdir("sub"); open("leak", "w").close()
        import numpy
        with wandb.init() as run:
            run.log({"score": 1, "a": random.random(), "b": float(numpy.random.rand())})
            assert run.id == os.environ["WANDB_RUN_ID"]
    """
    code, output = workshop.agent(workshop.sweep(program, values=3), "--workers", "1")
    assert code == 0, output + str(workshop.logs())
    runs = workshop.runs(output)
    assert len({run.summary["a"] for run in runs}) == len({run.summary["b"] for run in runs}) == 3


def test_a_fault_costs_its_run_alone(workshop: Workshop) -> None:
    program = """
        import os, signal, sys, time, wandb
        x = int(sys.argv[1][4:])
        run = wandb.init()
        run.log({"score": x})
        if x == 1: sys.exit(3)
        if x == 2: raise RuntimeError("no luck")
        if x == 3: os.kill(os.getpid(), signal.SIGSEGV)
        if x == 4: os._exit(7)
        if x == 5: os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does when memory has run out
    """
    code, output = workshop.agent(workshop.sweep(program, values=8), "--workers", "2", "--max-failures", "0")
    states = {}
    for run in workshop.runs(output):
        states.setdefault(run.config["x"], set()).add(run.state)
    assert states == {x: {"failed"} if 1 <= x <= 5 else {"finished"} for x in range(8)}
    reasons = (
        "exit code 3",
        "RuntimeError: no luck",
        "killed by SIGSEGV",
        "exit code 7",
        "killed by SIGKILL (out",
    )
    for words in reasons:
        assert output.count(words) == 3 + 1, "the point is offered again, and named at the end"
    assert "points that failed here and are not finished: 5" in output
    assert "--missing" in output
    assert code == 4


def test_a_run_without_memory_says_so(forgetful: Workshop) -> None:
    program = """
        import ctypes, mmap, resource, sys, tempfile, wandb
        x = int(sys.argv[1][4:])
        run = wandb.init()
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + (64 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        if x == 0:
            kept = []
            while True: kept.append(bytes(1000))  # wandb finds no memory either when it ends the run
        if x == 1: bytearray(1 << 40)
        if x == 2: ctypes.CDLL("libstdc++.so.6")._Znwm(ctypes.c_size_t(1 << 40))  # C++'s new
        if x == 3: raise RuntimeError("CUDA out of memory.\\nTried to allocate 2 GiB.\\nSee the manual")
        if x == 4:
            with tempfile.TemporaryFile() as file:  # as in a /dev/shm that has got full
                file.truncate(1)
                memory = mmap.mmap(file.fileno(), 1)
                file.truncate(0)
                memory[0]
    """
    sweep = forgetful.sweep(program, values=5)
    code, output = forgetful.agent(sweep, "--workers", "1", "--max-failures", "0")
    assert code == 4, output
    failures = [line.partition(" s: ")[2] for line in output.splitlines() if " failed after " in line]
    assert len(failures) == 5, output
    # first the cause, then what came of it: protobuf's C code, which wandb uses, can crash without memory
    assert re.match(r"(exit code 1|killed by SIGSEGV): MemoryError", failures[0]), output
    assert failures[1:] == [
        "exit code 1: MemoryError",
        "killed by SIGABRT: what():  std::bad_alloc",
        "exit code 1: RuntimeError: CUDA out of memory. … See the manual",
        "killed by SIGBUS (shared memory or disk full?)",
    ]
    assert [run.state for run in forgetful.runs(output)] == ["failed"] * 5


def test_a_killed_run_has_lost_the_last_moments_at_most(workshop: Workshop) -> None:
    program = """
        import time, wandb
        with wandb.init() as run:
            began = time.monotonic()
            while True:
                run.log({"at": time.time()})
                if time.monotonic() - began > 8: open("long", "w").close()
                time.sleep(0.05)
    """
    process = workshop.start(
        workshop.sweep(program, values=1), "--workers", "1", start_new_session=True, stderr=subprocess.DEVNULL
    )
    wait_until((workshop.folder / "long").exists)
    killed = time.time()
    os.killpg(process.pid, signal.SIGKILL)  # the worker and wandb's service end with the agent
    output, _ = process.communicate()
    (run,) = workshop.runs(output)
    last = max(row["at"] for row in run.scan_history())
    assert killed - last < 8  # we promise 2, and a machine may be busy; by itself the client sends after 15


def test_runs_that_keep_failing_stop_the_agent(workshop: Workshop) -> None:
    program = "raise RuntimeError('no luck')"
    code, output = workshop.agent(workshop.sweep(program, values=50), "--workers", "2", "--max-failures", "3")
    assert code == 4
    assert "runs in a row failed here, the last with exit code 1: RuntimeError: no luck" in output
    assert len(workshop.logs()) <= 5


def test_a_value_with_which_every_run_fails_is_named(workshop: Workshop) -> None:
    program = """
        import sys, wandb
        if "--lr=-1" in sys.argv: raise ValueError("too small")
        with wandb.init() as run: run.log({"score": 1})
    """
    parameters = {"lr": {"values": [1, -1]}, "seed": {"values": [1, 2, 3]}}  # a seed has three attempts
    sweep = workshop.sweep(program, parameters=parameters)
    code, output = workshop.agent(sweep, "--workers", "1", "--max-failures", "4")
    assert code == 4
    reason = "all with lr=-1, with which none has finished; the last with exit code 1: ValueError: too small"
    assert f"stopping: 4 runs in a row failed here, {reason}" in output


def test_a_bad_node_stops_itself(workshop: Workshop) -> None:
    program = """
        import os, sys, time, wandb
        if "BAD" in os.environ:
            time.sleep(1.2)
            raise RuntimeError("no disk")
        with wandb.init() as run: run.log({"score": 1})
    """
    good = workshop.start(workshop.sweep(program, values=400), "--workers", "1")
    assert good.stdout
    name = good.stdout.readline().split()[-1]
    code, output = workshop.agent(name, "--workers", "1", "--max-failures", "5", environ={"BAD": "1"})
    good.terminate()
    good.communicate(timeout=240)
    assert code == 4
    assert re.search(
        r"node \S+ looks bad: 5 runs in a row failed here while \d+ finished elsewhere", output
    ), output


def test_the_server_is_away_for_a_while(own_server: Any, tmp_path: Path) -> None:
    program = """
        import sys, time, wandb
        with wandb.init() as run:
            open(sys.argv[1], "w").close()
            for step in range(20):
                run.log({"score": step})
                time.sleep(0.1)
            open(sys.argv[1] + "-trained", "w").close()
    """
    workshop = Workshop(tmp_path, os.environ | own_server.env | {"WANDB_DIR": str(tmp_path)})
    process = workshop.start(workshop.sweep(program, values=4), "--workers", "2")
    # Both have begun: a claim whose answer is lost with the server would count as a failed attempt.
    wait_until(lambda: len(list(tmp_path.glob("--x=?"))) == 2)
    own_server.kill()
    wait_until(lambda: len(list(tmp_path.glob("--x=*-trained"))) == 2)
    own_server.start()
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    runs = workshop.runs(output)
    assert sorted((run.config["x"], run.state) for run in runs) == [(x, "finished") for x in range(4)]
    assert [len(list(run.scan_history())) for run in runs] == [20] * 4


def test_a_command_that_is_not_python(workshop: Workshop) -> None:
    script = (
        "test $WANDB_SWEEP_ID && cat $WANDB_SWEEP_PARAM_PATH; grep -q x $0; echo $1 $2 >> out; sleep 100 &"
    )
    command = ["bash", "-c", script, "${args_json_file}", "${args_no_hyphens}", "end"]
    code, output = workshop.agent(workshop.sweep(command=command), "--count", "2", "--workers", "1")
    assert code == 4, "to the server, a program that does not use wandb has not finished"
    assert set((workshop.folder / "out").read_text().splitlines()) <= {"x=0 end", "x=1 end"}
    assert all("value: " in log for log in workshop.logs().values())
    workshop.write("run.sh", "#!/nowhere").chmod(0o755)
    code, output = workshop.agent(
        workshop.sweep(command=["./run.sh"]), "--count", "1", "--workers", "1", "--max-attempts", "1"
    )
    assert "exit code 127: cannot run ./run.sh: No such file or directory" in output


def test_arguments_for_the_program_and_a_count(workshop: Workshop) -> None:
    program = "import sys; print(sys.argv[1:])"
    sweep = workshop.sweep(program, values=9)
    code, output = workshop.agent(
        sweep, "--count", "3", "--workers", "2", "--data-dir", "D", "--", "--fast", "a b"
    )
    assert code == 4, "to the server, a program that does not use wandb has not finished"
    assert [log[7:] for log in workshop.logs().values()] == ["', '--data-dir=D', '--fast', 'a b']\n"] * 3
    code, output = workshop.agent(sweep, "astray")
    assert code == 2
    assert "put arguments of the program after --" in output


def test_the_sweeps_page_is_named_and_opened(workshop: Workshop) -> None:
    browser = workshop.write(
        "xdg-open", '#!/bin/sh\necho "$1" >> opened\n'
    )  # what a desktop opens pages with
    browser.chmod(0o755)
    path = f"{workshop.folder}{os.pathsep}{workshop.environ['PATH']}"
    code, output = workshop.agent(workshop.sweep(values=1), "--open", environ={"PATH": path})
    assert code == 0, output
    name = next(word for word in output.split() if word.count("/") == 2)
    entity, project, sweep = name.split("/")
    address = f"{workshop.environ['WANDB_BASE_URL']}/{entity}/{project}/sweeps/{sweep}"
    assert f"its page: {address}" in output
    wait_until(lambda: (workshop.folder / "opened").exists())
    assert (workshop.folder / "opened").read_text().split() == [address]
