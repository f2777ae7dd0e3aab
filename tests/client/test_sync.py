"""The command that the agent advises brings back what a run could not send."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import wandb

from metasweep.agent.runs import unsent
from metasweep.client import sync
from tests.conftest import ServerProcess
from tests.waiting import wait_until

PIPES: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
ON_DISK = """
while b"the last row" not in open(run.settings.sync_file, "rb").read():
    time.sleep(0.1)
os.killpg(0, signal.SIGKILL)
"""
KILLED = f"""
import os, signal, sys, time, wandb
run = wandb.init(project="cut", id="cut", settings=wandb.Settings(x_transaction_log_flush_interval=1))
print("begun", flush=True)
sys.stdin.readline()  # the server is gone
for step in range(20):
    run.log({{"loss": step}})
run.log({{"end": "the last row"}})
{ON_DISK}"""
CUT_OFF = f"""
import os, signal, sys, time, wandb
run = wandb.init(project="cut", id="half", settings=wandb.Settings(x_transaction_log_flush_interval=1,
                                                                  x_file_stream_transmit_interval=1))
for step in range(10):
    run.log({{"loss": step}})
print("begun", flush=True)
sys.stdin.readline()  # the server is gone
for step in range(10, 20):
    run.log({{"loss": step}})
run.log({{"end": "the last row"}})
{ON_DISK}"""


@pytest.mark.usefixtures("client_env")
def test_what_is_sent_again_is_there_once(
    server: ServerProcess,
) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", CUT_OFF], env=server.env, cwd=server.home, start_new_session=True, **PIPES
    )
    assert run.stdin
    assert run.stdout
    assert run.stdout.readline() == b"begun\n"

    def losses() -> list[int]:
        api = wandb.Api({"base_url": server.url}, api_key=server.key)
        rows = api.run(f"{api.default_entity}/cut/half").scan_history(keys=["loss"])
        return [row["loss"] for row in rows]

    wait_until(lambda: losses() == list(range(10)))
    server.kill()
    run.communicate(b"\n")
    server.start()
    for _ in range(2):
        command = sync.command(unsent.unsent(server.home / "wandb"), server.env)
        done = server.run("sh", "-c", command.replace(" sync ", " sync --no-skip-synced "))
        assert done.returncode == 0, done.stderr
        assert losses() == list(range(20))


@pytest.mark.usefixtures("client_env")
def test_the_advised_command_sends_what_a_killed_run_could_not(server: ServerProcess) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED], env=server.env, cwd=server.home, start_new_session=True, **PIPES
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
    assert [row["loss"] for row in api.run(path).scan_history(keys=["loss"])] == list(range(20))
