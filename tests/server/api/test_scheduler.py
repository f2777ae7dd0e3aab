"""Sweeps whose runs a program chooses: the client's local scheduler with optuna, and its local controller."""

import json
import subprocess
import textwrap
from importlib.metadata import PackageNotFoundError, distribution

import pytest
import wandb

from tests.agent.processes import ending
from tests.conftest import ServerProcess
from tests.server.protocol import Client

PROGRAM = """
import time, wandb
settings = wandb.Settings(x_file_stream_transmit_interval=0.5)
with wandb.init(settings=settings) as run:
    x = run.config["x"]
    for step in range(600 if x > 0.5 else 3):
        run.log({"loss": (x - 0.3) ** 2, "size": x})
        time.sleep(0.1)
"""
SPACE = """
import optuna

class Grid(optuna.samplers.BaseSampler):
    POINTS = [{"x": 0.9, "kind": "deep", "depth": 3}, {"x": 0.25, "kind": "flat"}]
    def __init__(self, first=0): self.first = first
    def infer_relative_search_space(self, study, trial): return {}
    def sample_relative(self, study, trial, search_space): return {}
    def sample_independent(self, study, trial, name, distribution):
        return self.POINTS[min(trial.number + self.first, 1)][name]

class Prune(optuna.pruners.BasePruner):
    def prune(self, study, trial): return trial.params["x"] > 0.5

def study(sweep):
    return optuna.create_study(direction="minimize", sampler=Grid(), pruner=Prune())

def studies(sweep):
    return optuna.create_study(directions=["minimize", "maximize"], sampler=Grid(first=1))

def space(trial):
    point = {"x": trial.suggest_float("x", 0, 1), "kind": trial.suggest_categorical("kind", ["deep", "flat"])}
    if point["kind"] == "deep":
        point["depth"] = trial.suggest_int("depth", 1, 5)
    return point
"""
SWEEP = """
program: program.py
command: [python, "${program}"]
project: scheduled
run_cap: %d
scheduler: {engine: optuna, source: space.py, optimizer: %s, search_space: space}
%s
"""
AGENTS = {"stock": ("wandb", "agent"), "ours": ("python", "-m", "metasweep", "agent")}
ENQUEUE = """
mutation Enqueue($id: ID!, $config: JSONString!) { enqueueSweepRun(input: {id: $id, config: $config}) { id } }
"""
CONTROL = """
mutation Control($id: ID!, $controller: JSONString) {
  upsertSweep(input: {id: $id, controller: $controller}) { sweep { state scheduler } }
}"""


def schedule(server: ServerProcess, agent: str, text: str) -> list[wandb.apis.public.Run]:
    """Let a scheduler and an agent do a sweep; its runs."""
    (server.home / "program.py").write_text(PROGRAM)
    (server.home / "space.py").write_text(textwrap.dedent(SPACE))
    (server.home / "sweep.yaml").write_text(text)
    created = server.run("wandb", "sweep", "sweep.yaml", WANDB_SILENT="false")
    path = created.stderr.split("wandb agent ")[1].split()[0]
    command = ["wandb", "sweep-scheduler", path, "--batch-size", "2", "--poll-interval", "5"]
    with ending(subprocess.Popen(command, cwd=server.home, env=server.env)) as scheduler:
        done = server.run(*AGENTS[agent], path)
        assert scheduler.wait(timeout=240) == 0
    assert done.returncode == 0, done.stderr
    return list(wandb.Api().sweep(path).runs)


@pytest.mark.usefixtures("client_env")
@pytest.mark.parametrize("agent", AGENTS)
def test_agents_run_what_a_scheduler_queues_and_pruning_stops_runs(server: ServerProcess, agent: str) -> None:
    metric = "metric: {name: loss, goal: minimize}"
    runs = schedule(server, agent, SWEEP % (1, "study", metric))
    (pruned,) = (run for run in runs if run.config["x"] > 0.5)
    assert (pruned.config, pruned.state) == ({"x": 0.9, "kind": "deep", "depth": 3}, "killed")
    finished = [run.config for run in runs if run.state == "finished"]
    assert finished
    assert all(config == {"x": 0.25, "kind": "flat"} for config in finished)


@pytest.mark.usefixtures("client_env")
def test_a_scheduler_with_several_metrics(server: ServerProcess) -> None:
    metrics = "metrics: [{name: loss, goal: minimize}, {name: size, goal: maximize}]"
    runs = schedule(server, "ours", SWEEP % (1, "studies", metrics))
    assert any(run.state == "finished" and run.summary["size"] == run.config["x"] for run in runs)


OWN_SEARCH = """
program: program.py
command: [python, "${program}"]
project: scheduled
run_cap: 2
method: bayes
scheduler: {engine: %s}
metric: {name: loss, goal: minimize}
parameters: {x: {min: 0.1, max: 0.2}}
"""


@pytest.mark.usefixtures("client_env")
@pytest.mark.parametrize(
    ("engine", "extra", "package"), [("wandb", "sweeps", "sweeps"), ("ax", "ax", "ax-platform")]
)
def test_a_scheduler_with_an_engine_that_searches_by_itself(
    server: ServerProcess, engine: str, extra: str, package: str
) -> None:
    """The extras wandb[sweeps] and wandb[ax] are large, and one of them takes an old numpy."""
    try:  # not by importing it: the folder `sweeps` of this repository has the name of a module too
        distribution(package)
    except PackageNotFoundError:
        pytest.skip(f"pip install 'wandb[{extra}]' for the engine {engine}")
    runs = schedule(server, "ours", OWN_SEARCH % engine)
    points = {run.config["x"] for run in runs if run.state == "finished"}
    assert len(points) == len(runs) >= 2, "run_cap is the least that a scheduler asks for"
    assert all(0.1 <= x <= 0.2 for x in points)


def test_what_is_queued_is_handed_out_once_in_order_and_stopped_while_it_waits(server: ServerProcess) -> None:
    client = Client(server, "queued")
    sweep = client.sweep("{program: p, scheduler: {engine: ax}, parameters: {x: {min: 0, max: 1}}}")
    names = [
        client.graphql(ENQUEUE, id=sweep["id"], config=json.dumps({"x": {"value": value}}))[
            "enqueueSweepRun"
        ]["id"]
        for value in (0.5, 0.25, 0.75)
    ]
    agent = client.agent(sweep)
    first = client.claim(agent)
    assert (first["run_id"], first["args"]) == (names[0], {"x": {"value": 0.5}})
    waiting = client.run(names[1])
    client.graphql("mutation Stop($id: ID!) { stopRun(input: {id: $id}) { success } }", id=waiting["id"])
    assert client.run(names[1])["state"] == "killed"
    client.end(names[0])
    assert client.claim(agent)["run_id"] == names[2]
    client.end(names[2])
    assert client.heartbeat(agent) == [], "more may be queued"
    client.set_sweep_state(sweep, "FINISHED")
    assert client.heartbeat(agent) == [{"type": "exit"}]
    refused = client.post(
        "/graphql", json={"query": ENQUEUE, "variables": {"id": sweep["id"], "config": '{"x": 1}'}}
    )
    assert refused.status_code == 400
    assert "finished" in refused.text


def test_a_local_controller_is_obeyed_once(server: ServerProcess) -> None:
    client = Client(server, "controlled")
    sweep = client.sweep(
        "{program: p, method: grid, controller: {type: local}, parameters: {x: {values: [1, 2]}}}"
    )
    agent = client.agent(sweep)
    assert client.heartbeat(agent) == [], "the controller chooses"
    wish = json.dumps({"schedule": [{"id": "first", "data": {"args": {"x": {"value": 2}}}}]})
    for _ in range(2):
        answer = client.graphql(CONTROL, id=sweep["id"], controller=wish)
    (done,) = json.loads(answer["upsertSweep"]["sweep"]["scheduler"])["scheduled"]
    assert done["id"] == "first"
    claimed = client.claim(agent)
    assert (claimed["run_id"], claimed["args"]) == (done["runid"], {"x": {"value": 2}})
    client.graphql(CONTROL, id=sweep["id"], controller=json.dumps({"earlystop": [done["runid"]]}))
    assert client.heartbeat(agent, done["runid"]) == [{"type": "stop", "run_id": done["runid"]}]
    over = json.dumps({"schedule": [{"id": "last", "data": {"args": None}}]})
    assert (
        client.graphql(CONTROL, id=sweep["id"], controller=over)["upsertSweep"]["sweep"]["state"]
        == "FINISHED"
    )


def test_run_cap_holds_for_a_local_controller_which_does_not_count(server: ServerProcess) -> None:
    client = Client(server, "capped")
    sweep = client.sweep(
        "{program: p, method: random, run_cap: 2, controller: {type: local},"
        " metric: {name: loss}, parameters: {x: {min: 0.0, max: 1.0}}}"
    )
    agent = client.agent(sweep)
    for number in range(3):
        wish = {"schedule": [{"id": f"run {number}", "data": {"args": {"x": {"value": number / 4}}}}]}
        answer = client.graphql(CONTROL, id=sweep["id"], controller=json.dumps(wish))
    assert len(json.loads(answer["upsertSweep"]["sweep"]["scheduler"])["scheduled"]) == 2
    for _ in range(2):
        client.end(client.claim(agent)["run_id"])
    assert client.heartbeat(agent) == [{"type": "exit"}]
