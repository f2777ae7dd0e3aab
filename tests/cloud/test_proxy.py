"""The stand-in for W&B's service does what it promises, each time in the same way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import requests
import wandb

from tests.cloud.faults import Fault, Faults
from tests.cloud.limits import Limit
from tests.cloud.proxy import Cloud, serve
from tests.conftest import ServerProcess
from tests.server.protocol import CREATE_AGENT, HEARTBEAT, Client

GRID = "{method: grid, program: p.py, parameters: {x: {values: [1, 2, 3]}}}"
VIEWER = {"query": "query Viewer { viewer { entity } }", "variables": {}}


class Visitor(Client):
    """Speaks to the server through the cloud."""

    def __init__(self, server: ServerProcess, cloud: Cloud) -> None:
        super().__init__(server, "visited")
        self.cloud = cloud

    def post(self, path: str, **arguments: object) -> requests.Response:
        return self.session.post(self.cloud.url + path, timeout=30, **arguments)


def outcomes(ask: Callable[[], requests.Response], times: int) -> list[int | str]:
    """Status of each answer, or `broken`."""
    seen: list[int | str] = []
    for _ in range(times):
        try:
            seen.append(ask().status_code)
        except requests.ConnectionError:
            seen.append("broken")
    return seen


def test_the_same_seed_brings_the_same_faults(server: ServerProcess) -> None:
    faults = Faults(seed=3, busy=0.05, burst=3, reset=0.1, lost=0.1)
    runs = []
    for _ in range(2):
        with serve(Cloud(server.url, faults=faults)) as cloud:
            visitor = Visitor(server, cloud)
            runs.append(outcomes(lambda v=visitor: v.post("/graphql", json=VIEWER), 80))
            assert cloud.seen["Viewer"] == cloud.total == 80
            assert cloud.refused.total() == sum(outcome != 200 for outcome in runs[-1])
    assert runs[0] == runs[1]
    assert {"broken", 200} < set(runs[0])
    assert set(runs[0]) & {502, 503, 504}


def test_a_limit_is_told_and_ends_with_its_window(server: ServerProcess) -> None:
    with serve(Cloud(server.url, limits={"Viewer": Limit(4, seconds=2)})) as cloud:
        visitor = Visitor(server, cloud)
        answers = [visitor.post("/graphql", json=VIEWER) for _ in range(5)]
        assert [a.status_code for a in answers] == [200] * 4 + [429]
        assert [a.headers["RateLimit-Remaining"] for a in answers] == ["750", "500", "250", "0", "0"]
        assert answers[0].headers["RateLimit-Limit"] == "1000"
        time.sleep(int(answers[-1].headers["RateLimit-Reset"]))
        assert visitor.post("/graphql", json=VIEWER).status_code == 200


def test_a_lost_answer_was_acted_upon_and_a_broken_request_was_not(server: ServerProcess) -> None:
    script = {"UpsertBucket": {1: Fault.LOST, 2: Fault.RESET}}
    with serve(Cloud(server.url, faults=Faults(script=script))) as cloud:
        visitor = Visitor(server, cloud)
        for name in ("lost", "broken"):
            with pytest.raises(requests.ConnectionError):
                visitor.start_run(name)
        assert visitor.run("lost")
        assert visitor.run("broken") is None


def test_it_forgets_what_it_handed_out_and_knows_who_asks_for_an_agent_s_runs(server: ServerProcess) -> None:
    with serve(Cloud(server.url)) as cloud:
        visitor = Visitor(server, cloud)
        sweep = visitor.sweep(GRID)
        agent = visitor.graphql(CREATE_AGENT, sweep=sweep["name"])["createAgent"]["agent"]["id"]
        first, second = (visitor.heartbeat(agent)[0]["run_id"] for _ in range(2))
        assert first != second  # the embedded server would hand the same out, or call the first failed
        states = {r["node"]["name"]: r["node"]["state"] for r in visitor.read_sweep(sweep)["runs"]["edges"]}
        assert states == {first: "pending", second: "pending"}
        query = """query GetAgentRuns($agentID: String!, $sweep: String!, $project: String) {
          project(name: $project) { sweep(sweepName: $sweep) { agent(agentName: $agentID) {
            runs(first: 5) { edges { node { name } } } } } } }"""
        found = visitor.graphql(query, agentID=agent, sweep=sweep["name"])["project"]["sweep"]["agent"]
        assert [edge["node"]["name"] for edge in found["runs"]["edges"]] == [second]
        assert visitor.graphql(HEARTBEAT, id=agent, runState=json.dumps({second: True}))


@pytest.mark.usefixtures("client_env")
def test_the_name_of_a_deleted_run_is_refused_for_ever(server: ServerProcess) -> None:
    with serve(Cloud(server.url)) as cloud:
        visitor = Visitor(server, cloud)
        visitor.start_run("once")
        api = wandb.Api({"base_url": cloud.url}, api_key=server.key)
        api.run(f"{visitor.entity}/visited/once").delete()
        answer = visitor.post(
            "/graphql",
            json={
                "query": "mutation UpsertBucket($name: String) { upsertBucket"
                '(input: {name: $name, modelName: "visited"}) { inserted } }',
                "variables": {"name": "once"},
            },
        )
        assert answer.status_code == 409
        assert "previously created and deleted" in answer.text


@pytest.mark.usefixtures("client_env")
def test_a_run_of_the_real_client_goes_through(server: ServerProcess) -> None:
    with serve(Cloud(server.url, round_trip=0.05)) as cloud:
        program = (
            "import wandb\nwith wandb.init(project='through') as run:\n  run.log({'loss': 1.0})\n"
            "  run.log({'t': wandb.Table(columns=['a'], data=[[1]])})"
        )
        done = server.run("python", "-c", program, WANDB_BASE_URL=cloud.url)
        assert done.returncode == 0, done.stderr
        (run,) = wandb.Api({"base_url": server.url}, api_key=server.key).runs("through")
        assert run.state == "finished"
        assert run.summary["loss"] == 1.0
        assert cloud.seen["UpsertBucket"] >= 1
        assert cloud.seen["upload"] >= 2  # the table and its files went the same way
        assert cloud.seen["file_stream"] >= 1
