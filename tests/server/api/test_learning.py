"""Sweeps that learn from their runs: early stops and suggestions, spoken directly."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from metasweep.server.store.base.database import connect
from metasweep.server.store.points.suggestions import trials
from metasweep.sweeps.metric import Metric
from tests.conftest import ServerProcess
from tests.server.protocol import UPSERT_SWEEP, Client
from tests.waiting import wait_until

EXIT = [{"type": "exit"}]
HUGE = 10**400  # JSON has it, a float does not; it says nothing
HYPERBAND = """
method: grid
program: p.py
metric: {name: loss, goal: minimize}
early_terminate: {type: hyperband, min_iter: 3, eta: 2}
parameters: {x: {values: [1, 2, 3, 4]}}
"""
BAYES = """
method: bayes
program: p.py
metric: {name: loss}
parameters: {x: {min: 0.0, max: 1.0}}
"""


@pytest.fixture
def client(server: ServerProcess) -> Client:
    return Client(server)


def log(client: Client, run: str, losses: list[float]) -> bool:
    """Send a history and the summary; whether the run is told to stop."""
    lines = [json.dumps({"_step": step, "loss": loss}) for step, loss in enumerate(losses)]
    files = {"wandb-history.jsonl": {"offset": 0, "content": lines}}
    files["wandb-summary.json"] = {"offset": 0, "content": [json.dumps({"loss": losses[-1]})]}
    return client.stream(run, {"files": files})["stopped"]


def test_hyperband_stops_the_poor_runs_and_does_not_offer_them_again(client: Client) -> None:
    sweep = client.sweep(HYPERBAND)
    agents = [client.agent(sweep) for _ in range(4)]
    runs = [client.claim(agent)["run_id"] for agent in agents]
    for loss, run in enumerate(runs):
        assert not log(client, run, [float(loss)] * 3 + [HUGE])
    wait_until(lambda: client.stream(runs[3], {})["stopped"])
    stopped = [client.heartbeat(agent, run) for agent, run in zip(agents, runs, strict=True)]
    assert stopped == [[], [], [], [{"type": "stop", "run_id": runs[3]}]]  # worse than half of them
    assert client.heartbeat(agents[3]) == []  # its process died without a message; the others still run
    for run in runs[:3]:
        client.end(run)
    assert client.heartbeat(agents[3]) == EXIT
    states = {
        edge["node"]["name"]: edge["node"]["state"] for edge in client.read_sweep(sweep)["runs"]["edges"]
    }
    assert states == {**dict.fromkeys(runs[:3], "finished"), runs[3]: "killed"}
    assert client.read_sweep(sweep)["state"] == "FINISHED"
    assert client.read_sweep(sweep)["bestLoss"] is None


@pytest.mark.parametrize(("goal", "poor", "good"), [("maximize", 0.8, 0.9), ("minimize", 1.0, 0.5)])
def test_a_sweep_ends_when_a_run_reaches_the_target(
    client: Client, goal: str, poor: float, good: float
) -> None:
    metric = f"{{name: loss, goal: {goal}, target: 0.9}}"
    grid = f"{{method: grid, program: p.py, metric: {metric}, parameters: {{x: {{min: 1, max: 9}}}}}}"
    sweep = client.sweep(grid)
    first, second, third = (client.agent(sweep) for _ in range(3))
    runs = [client.claim(agent)["run_id"] for agent in (first, second)]
    log(client, runs[0], [good, poor])  # what counts is its last value
    assert client.read_sweep(sweep)["state"] == "RUNNING"
    log(client, runs[0], [good, poor, good])
    assert client.heartbeat(third) == EXIT
    assert client.heartbeat(second, runs[1]) == [], "runs under way go on"
    client.end(runs[1], exit_code=1)
    client.end(runs[0])
    assert client.heartbeat(second) == EXIT, "a failed point is not offered again"
    assert client.read_sweep(sweep)["state"] == "FINISHED"


def test_agents_that_ask_at_once_get_different_points(client: Client) -> None:
    sweep = client.sweep(BAYES)
    agents = [client.agent(sweep) for _ in range(8)]
    tried = []
    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            commands = list(pool.map(client.claim, agents))
        for command in commands:
            tried.append(command["args"]["x"]["value"])
            log(client, command["run_id"], [abs(tried[-1] - 0.3) if len(tried) % 5 else HUGE])
            client.end(command["run_id"])
    assert len(set(tried)) == 24


@pytest.mark.parametrize("aggregate", [{"loss": {"min": 0.5}}, {}], ids=["define_metric", "history alone"])
def test_a_search_learns_from_aggregates_and_from_the_history(
    client: Client, server: ServerProcess, aggregate: dict[str, Any]
) -> None:
    sweep = client.sweep(BAYES)
    run = client.claim(client.agent(sweep))["run_id"]
    lines = [json.dumps({"_step": step, "loss": value}) for step, value in enumerate([0.5, 9.0, HUGE])]
    files = {"wandb-history.jsonl": {"offset": 0, "content": lines}}
    files["wandb-summary.json"] = {"offset": 0, "content": [json.dumps(aggregate)]}
    client.stream(run, {"files": files})
    client.end(run)
    assert client.read_sweep(sweep)["bestLoss"] == 0.5
    connection = connect(server.data_dir / "metasweep.db")
    row = connection.execute("SELECT * FROM sweeps WHERE name = ?", (sweep["name"],)).fetchone()
    assert [trial.metric for trial in trials(connection, row, Metric("loss"))] == [0.5]
    connection.close()


def test_a_config_is_refused_or_warned_about(client: Client) -> None:
    wrong = client.post("/graphql", json={"query": UPSERT_SWEEP, "variables": {"config": "method: baies"}})
    assert wrong.status_code == 400
    assert (
        'method: must be one of grid, random, bayes, not "baies" (did you mean bayes?)'
        in wrong.json()["error"]
    )
    odd = client.graphql(UPSERT_SWEEP, config=BAYES + "budget_note: 1")["upsertSweep"]
    assert [warning.split(":")[0] for warning in odd["configValidationWarnings"]] == ["budget_note"]
