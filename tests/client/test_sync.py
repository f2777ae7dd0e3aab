"""The command that the agent advises brings back what a run could not send."""

from __future__ import annotations

import subprocess
import sys

import pytest
import wandb

from metasweep.agent.runs import unsent
from metasweep.client import sync
from tests.conftest import ServerProcess

KILLED = """
import os, signal, sys, time, wandb
run = wandb.init(project="cut", id="cut", settings=wandb.Settings(x_transaction_log_flush_interval=1))
print("begun", flush=True)
sys.stdin.readline()  # the server is gone
for step in range(20):
    run.log({"loss": step})
time.sleep(3)
os.killpg(0, signal.SIGKILL)
"""


@pytest.mark.usefixtures("client_env")
def test_the_advised_command_sends_what_a_killed_run_could_not(server: ServerProcess) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED], env=server.env, cwd=server.home, start_new_session=True, **pipes
    )
    assert run.stdin
    assert run.stdout
    assert run.stdout.readline() == b"begun\n"
    server.kill()
    run.communicate(b"\n")
    server.start()
    api = wandb.Api({"base_url": server.url}, api_key=server.key)
    path = f"{api.default_entity}/cut/cut"
    assert list(api.run(path).scan_history()) == []
    done = server.run("sh", "-c", sync.command(unsent.unsent(server.home / "wandb"), server.env))
    assert done.returncode == 0, done.stderr
    api = wandb.Api({"base_url": server.url}, api_key=server.key)
    assert [row["loss"] for row in api.run(path).scan_history()] == list(range(20))
