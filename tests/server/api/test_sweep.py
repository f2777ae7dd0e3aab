"""A sweep from its YAML to its results with the stock client, and a run that is stopped meanwhile."""

import subprocess
from collections.abc import Iterator

import pytest
import wandb

from tests.agent.processes import ending
from tests.conftest import ServerProcess
from tests.server.protocol import Client

PROGRAM = """
import wandb
with wandb.init() as run:
    for step in range(10):
        run.log({"val/acc": run.config.lr * step, "nan": float("nan")})
    print("trained with", run.config.lr)
"""
SWEEP = """
program: program.py
method: grid
metric: {name: val/acc, goal: maximize}
parameters:
  lr: {values: [0.1, 0.01]}
"""
STOPPED = """
import signal, time, wandb
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
settings = wandb.Settings(x_file_stream_transmit_interval=1)
with wandb.init(project="stopped", id="stopme", settings=settings) as run:
    print("running", flush=True)
    for step in range(6000):
        run.log({"x": step})
        time.sleep(0.1)
"""
FAILING = "import wandb; wandb.init(project='stopped', id='raises'); import sys; sys.exit(3)"

pytestmark = pytest.mark.usefixtures("client_env")


@pytest.fixture(scope="module")
def stopped(server: ServerProcess) -> Iterator["subprocess.Popen[str]"]:
    """A run that goes on until it is stopped."""
    command = ["python", "-c", STOPPED]
    process = subprocess.Popen(command, cwd=server.home, env=server.env, stdout=subprocess.PIPE, text=True)
    with ending(process):
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        yield process


@pytest.fixture(scope="module")
def sweep_path(server: ServerProcess, stopped: "subprocess.Popen[str]") -> str:  # noqa: ARG001
    """A sweep that the stock agent has done, while the other run is told to stop."""
    (server.home / "program.py").write_text(PROGRAM)
    (server.home / "sweep.yaml").write_text(SWEEP)
    created = server.run("wandb", "sweep", "--project", "stock", "sweep.yaml", WANDB_SILENT="false")
    path = created.stderr.split("wandb agent ")[1].split()[0]
    client = Client(server, "stopped")
    run = client.run("stopme")
    assert run["state"] == "running"
    client.graphql("mutation($id: ID!) { stopRun(input: {id: $id}) { success } }", id=run["id"])
    agent = server.run("wandb", "agent", path)
    assert agent.returncode == 0, agent.stderr
    return path


def test_a_sweep_by_the_stock_agent(sweep_path: str) -> None:
    sweep = wandb.Api().sweep(sweep_path)
    runs = list(sweep.runs)
    assert (sweep.state, sweep.expected_run_count) == ("FINISHED", 2)
    assert sorted(run.config["lr"] for run in runs) == [0.01, 0.1]
    assert sweep.best_run().config["lr"] == 0.1
    for run in runs:
        assert run.state == "finished"
        rows = list(run.scan_history())
        assert [row["_step"] for row in rows] == list(range(10))
        assert [row["val/acc"] for row in rows] == [run.config["lr"] * step for step in range(10)]
        assert list(run.history(pandas=False, keys=["val/acc"])) == [
            {"_step": row["_step"], "val/acc": row["val/acc"]} for row in rows
        ]
        assert any(f"trained with {run.config['lr']}" in line.content for line in run.console_logs())


@pytest.mark.usefixtures("sweep_path")
def test_states_follow_the_exit(server: ServerProcess, stopped: "subprocess.Popen[str]") -> None:
    assert stopped.wait(timeout=240) != 0
    assert wandb.Api().run("stopped/stopme").state == "killed"
    assert server.run("python", "-c", FAILING).returncode == 3
    assert wandb.Api().run("stopped/raises").state == "failed"
