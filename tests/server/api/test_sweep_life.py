"""The life of a sweep as the client's command line and its public API have it."""

import json
import subprocess

import pytest
import wandb

from tests.agent.processes import ending
from tests.conftest import ServerProcess
from tests.server.protocol import Client
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("client_env")

# The first run of x = 2 is preempted after three rows; resumed, it goes on where it was.
PROGRAM = """
import sys, wandb
with wandb.init(resume="allow") as run:
    for step in range(run.starting_step, 6):
        run.log({"loss": run.config.x + step})
        if run.config.x == 2 and step == 2:
            run.mark_preempting()
            sys.exit(1)
"""
CONFIG = """
program: program.py
method: grid
metric: {name: loss, goal: minimize}
parameters:
  x: {values: [1, 2]}
"""


def wandb_sweep(server: ServerProcess, *arguments: str) -> str:
    """`wandb sweep …`; what it says."""
    done = server.run("wandb", "sweep", *arguments, WANDB_SILENT="false")
    assert done.returncode == 0, done.stderr
    return done.stderr


def refused(server: ServerProcess, *arguments: str) -> str:
    done = server.run("wandb", "sweep", *arguments, WANDB_SILENT="false")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr + done.stdout


def create(server: ServerProcess, project: str, config: str = CONFIG) -> str:
    (server.home / "sweep.yaml").write_text(config)
    return wandb_sweep(server, "--project", project, "sweep.yaml").split("wandb agent ")[1].split()[0]


def state(path: str) -> str:
    return wandb.Api().sweep(path).state


def test_a_sweep_is_paused_resumed_updated_worked_off_and_read(server: ServerProcess) -> None:
    (server.home / "program.py").write_text(PROGRAM)
    path = create(server, "life")
    agents = Client(server, "life")
    idle = agents.agent({"name": path.rpartition("/")[2]})
    assert state(path) == "RUNNING", "it begins with its first agent"
    wandb_sweep(server, "--pause", path)
    assert (state(path), agents.heartbeat(idle)) == ("PAUSED", [])
    wandb_sweep(server, "--resume", path)
    assert state(path) == "RUNNING"
    (server.home / "sweep.yaml").write_text("name: renamed\n" + CONFIG)
    wandb_sweep(server, "--update", path, "sweep.yaml")
    done = server.run("wandb", "agent", path)
    assert done.returncode == 0, done.stderr
    sweep = wandb.Api().sweep(path)
    assert (sweep.name, sweep.state, sweep.expected_run_count) == ("renamed", "FINISHED", 2)
    assert sweep.best_run().config["x"] == 1
    runs = {run.config["x"]: run for run in sweep.runs}
    assert [run.state for run in sweep.runs] == ["finished"] * 2, "the preempted run went on under its id"
    assert [row["loss"] for row in runs[2].scan_history()] == [2 + step for step in range(6)]
    assert runs[2].sweep.id == sweep.id
    check_lists(sweep, path)


def check_lists(sweep: "wandb.apis.public.Sweep", path: str) -> None:
    """The project's sweeps, the sweep's agents and their runs."""
    (found,) = wandb.Api().project("life").sweeps()
    assert (found.id, found.state) == (sweep.id, "FINISHED")
    idle, worker = sweep.agents()
    assert len(list(idle.runs())) == 0
    assert {run.config["x"] for run in worker.runs()} == {1, 2}
    assert "FINISHED" in repr(sweep.agent(worker.id)), path


def test_stop_and_cancel(server: ServerProcess) -> None:
    client, path = Client(server, "ends"), create(server, "ends")
    agent = client.agent({"name": path.rpartition("/")[2]})
    run = client.claim(agent)["run_id"]
    wandb_sweep(server, "--stop", path)
    assert (state(path), client.heartbeat(agent, run)) == ("FINISHED", [])
    assert client.run(run)["state"] == "running", "running runs finish"
    other = create(server, "ends")
    agent = client.agent({"name": other.rpartition("/")[2]})
    run = client.claim(agent)["run_id"]
    wandb_sweep(server, "--cancel", other)
    assert (state(other), client.heartbeat(agent, run)) == ("CANCELED", [{"type": "exit"}])
    assert wandb.Api().run(f"ends/{run}").state == "killed"


def test_a_config_that_is_refused_is_refused_in_one_line_with_the_place(server: ServerProcess) -> None:
    (server.home / "wrong.yaml").write_text(CONFIG.replace("values", "vals").replace("minimize", "minimise"))
    said = refused(server, "--project", "wrong", "wrong.yaml")
    assert "parameters.x.vals: unknown key (did you mean values?)" in said
    assert "metric.goal: must be one of minimize, maximize" in said


def test_runs_of_before_are_adopted(server: ServerProcess) -> None:
    begin = "wandb.init(project='adopt', id='before', config={'x': 2})"
    code = f"import wandb\nwith {begin} as run: run.log({{'loss': 0}})"
    assert server.run("python", "-c", code).returncode == 0
    (server.home / "sweep.yaml").write_text(CONFIG)
    said = wandb_sweep(server, "--project", "adopt", "-R", "before", "sweep.yaml")
    path = said.split("wandb agent ")[1].split()[0]
    client = Client(server, "adopt")
    agents = [client.agent({"name": path.rpartition("/")[2]}) for _ in range(2)]
    assert client.claim(agents[0])["args"]["x"]["value"] == 1
    assert client.heartbeat(agents[1]) == [], "the other point is covered"
    sweep = wandb.Api().sweep(path)
    assert len(sweep.runs) == 2
    assert sweep.best_run().id == "before"


KILLED = """
import os, signal, time, wandb
settings = wandb.Settings(x_file_stream_transmit_interval=1, x_transaction_log_flush_interval=1)
run = wandb.init(project="auto", resume="auto", settings=settings)
print(run.id, run.resumed, flush=True)
for number in range(10_000 if not run.resumed else 3):
    run.log({"x": number})
    time.sleep(0.1)
run.finish()
"""


def test_resume_auto_goes_on_after_a_kill(server: ServerProcess) -> None:
    command = ["python", "-c", KILLED]
    killed = subprocess.Popen(command, cwd=server.home, env=server.env, stdout=subprocess.PIPE, text=True)
    with ending(killed):
        assert killed.stdout is not None
        run, resumed = killed.stdout.readline().split()
        client = Client(server, "auto")
        wait_until(lambda: client.run(run)["history"])
        killed.kill()
    again = server.run(*command)
    assert (resumed, again.stdout.split()) == ("False", [run, "True"]), again.stderr
    rows = [json.loads(row) for row in client.run(run)["history"]]
    kept = len(rows) - 3
    assert [row["x"] for row in rows] == [*range(kept), 0, 1, 2]
    assert kept > 0
    assert client.run(run)["state"] == "finished"


SYSTEM = """
import time, wandb
settings = wandb.Settings(x_stats_sampling_interval=0.1, x_file_stream_transmit_interval=1)
with wandb.init(project="system", id="measured", settings=settings) as run:
    run.log({"x": 1})
    time.sleep(1)
"""


def test_system_metrics_are_read_back(server: ServerProcess) -> None:
    measured = server.run("python", "-c", SYSTEM)
    assert measured.returncode == 0, measured.stderr
    run = wandb.Api().run("system/measured")
    rows = run.history(stream="system", pandas=False)
    assert len(rows) > 1
    assert any(key.startswith("system.cpu") or key.startswith("system.memory") for key in rows[0])
    assert run.system_metrics
