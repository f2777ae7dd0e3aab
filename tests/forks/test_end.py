"""However the agent ends, nothing of it is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from metasweep.agent.working import TOGETHER_SECONDS
from tests.agent.conftest import Workshop
from tests.agent.processes import (
    MARK,
    children,
    left_over,
    marked,
)
from tests.waiting import wait_until

SOON = 45  # seconds: it takes 7 at most on a quiet machine, and the client's own patience is 90
LASTING = """
    import subprocess, sys, time, wandb
    with wandb.init() as run:
        run.log({"score": 1})
        helper = subprocess.Popen(["sleep", "1000"])
        open(sys.argv[1], "w").close()
        time.sleep(1000)
"""


def await_files(workshop: Workshop, number: int) -> None:
    """Wait until so many runs have said that they run."""
    wait_until(lambda: len(list(workshop.folder.glob("--x=*"))) == number)


def begin(
    workshop: Workshop, *arguments: str, program: str = LASTING, **changes: Any
) -> subprocess.Popen[str]:
    """Start the agent in a session of its own, with two runs that do not end by themselves."""
    sweep = workshop.sweep(program, values=4, **changes)
    options = {"start_new_session": True, "environ": {MARK: str(workshop.folder)}}
    process = workshop.start(sweep, "--workers", "2", *arguments, **options)
    await_files(workshop, 2)
    return process


def test_kill_9_leaves_no_process(workshop: Workshop) -> None:
    process = begin(workshop)
    mark = str(workshop.folder)
    assert len(marked(mark)) >= 7  # the agent, forkserver, two runs with a helper each, wandb's service
    process.kill()
    process.communicate()
    assert not left_over(mark)


def test_a_killed_forkserver_is_replaced(workshop: Workshop) -> None:
    process = begin(workshop)
    before = marked(str(workshop.folder))
    os.kill(children(process.pid)[0], signal.SIGKILL)
    await_files(workshop, 4)
    assert not left_over(str(workshop.folder), set(before) - {process.pid})
    process.kill()
    output, _ = process.communicate()
    assert output.count("failed after") == 2
    assert output.count("killed by SIGKILL") == 2
    assert not left_over(str(workshop.folder))


def test_sigterm_to_the_whole_session(workshop: Workshop) -> None:
    process = begin(workshop)
    for pid in marked(str(workshop.folder)):
        if os.getsid(pid) == process.pid:
            os.kill(pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=SOON)
    assert process.returncode == 3
    assert not left_over(str(workshop.folder))
    states = [run.state for run in workshop.runs(output)]
    assert states == ["preempted", "preempted"]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])
def test_a_terminal_s_signals_reach_its_foreground_group(workshop: Workshop, signum: signal.Signals) -> None:
    process = begin(workshop)
    os.killpg(process.pid, signum)
    output, _ = process.communicate(timeout=SOON)
    assert process.returncode == 3, output
    assert not left_over(str(workshop.folder))
    assert [run.state for run in workshop.runs(output)] == ["preempted", "preempted"]


def test_a_signal_before_anything_has_begun(workshop: Workshop) -> None:
    with socket.socket() as mute:  # it takes connections and never answers
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"http://127.0.0.1:{mute.getsockname()[1]}"
        process = workshop.start(workshop.sweep(), environ={"WANDB_BASE_URL": address})
        connection, _ = mute.accept()
        process.terminate()
        output, _ = process.communicate(timeout=SOON)
        connection.close()
    assert (process.returncode, output) == (3, "")


def test_sigterm_while_the_server_is_away(own_server: Any, tmp_path: Path) -> None:
    workshop = Workshop(tmp_path, os.environ | own_server.env | {"WANDB_DIR": str(tmp_path)})
    process = begin(workshop)
    own_server.kill()
    process.terminate()
    process.communicate(timeout=SOON)
    assert process.returncode == 3
    assert not left_over(str(workshop.folder))


def test_a_second_signal_kills(workshop: Workshop) -> None:
    program = LASTING.replace("import subprocess", "import signal, subprocess").replace(
        "with wandb",
        'signal.signal(signal.SIGTERM, lambda *_: open(f"told{sys.argv[1]}", "w").close())\n    with wandb',
    )
    process = begin(workshop, program=program)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: len(list(workshop.folder.glob("told*"))) == 2)
    time.sleep(1.2 * TOGETHER_SECONDS[signal.SIGINT])  # closer together, they are one signal
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 3
    assert " stopped after " not in output, "it does not wait for the runs, which would not go"
    assert not left_over(str(workshop.folder))
