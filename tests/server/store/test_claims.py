"""Who gets which point, and what becomes of a point whose run is lost."""

import json
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from metasweep.server.store.base.database import time_ago
from tests.conftest import ServerProcess
from tests.server.protocol import HEARTBEAT, Client
from tests.waiting import wait_until

GRID = "{method: grid, program: p.py, parameters: {lr: {values: [1, 2, 3]}, dp: {values: [0, 0.5]}}}"
DELETE = "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
EXIT = [{"type": "exit"}]
MAX_ATTEMPTS = 3


def point(command: dict[str, Any]) -> dict[str, Any]:
    return {name: argument["value"] for name, argument in command["args"].items()}


@pytest.fixture
def client(server: ServerProcess) -> Client:
    return Client(server)


def claim_all(server: ServerProcess, sweep: dict[str, Any]) -> list[str]:
    """What an agent does that has no work: claim, run, end, until there is nothing more."""
    client = Client(server)
    agent, points = client.agent(sweep), []
    while (commands := client.heartbeat(agent)) != EXIT:
        for command in commands:  # none: all is handed out, but a run is open
            points.append(json.dumps(point(command), sort_keys=True))
            client.start_run(command["run_id"])
            client.end(command["run_id"])
    return points


def test_eight_agents_at_once_run_every_point_once(server: ServerProcess, client: Client) -> None:
    axes = ", ".join(f"p{i}: {{values: [0, 1, 2]}}" for i in range(4))
    sweep = client.sweep(f"{{method: grid, program: p.py, parameters: {{{axes}}}}}")
    with ThreadPoolExecutor(8) as pool:  # the requests meet in the server, which is another process
        points = [point for found in pool.map(claim_all, [server] * 8, [sweep] * 8) for point in found]
    assert len(points) == 81
    assert set(Counter(points).values()) == {1}
    assert client.read_sweep(sweep)["state"] == "FINISHED"


def test_a_failed_point_is_offered_again_until_it_had_its_attempts(client: Client) -> None:
    sweep = client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [1]}}}")
    agent = client.agent(sweep)
    for attempt in (1, 2, 3):
        command = client.claim(agent)
        assert (point(command), client.run(command["run_id"])["attempt"]) == ({"lr": 1}, attempt)
        assert client.read_sweep(sweep)["state"] == "RUNNING"
        client.end(command["run_id"], exit_code=1)
    assert client.heartbeat(agent) == EXIT
    found = client.read_sweep(sweep)
    assert found["state"] == "FINISHED"
    assert [edge["node"]["state"] for edge in found["runs"]["edges"]] == ["failed"] * 3


def test_idle_agents_stand_by_for_an_open_run(client: Client) -> None:
    sweep = client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [1]}}}")
    busy, *idle = [client.agent(sweep) for _ in range(5)]
    run = client.claim(busy)["run_id"]
    client.start_run(run)
    assert [client.heartbeat(agent) for agent in idle] == [[], [], EXIT, EXIT]
    client.end(run, exit_code=1)
    assert client.claim(idle[0])["args"] == {"lr": {"value": 1}}
    assert client.heartbeat(idle[1]) == []


def test_deleting_a_run_frees_its_point(client: Client) -> None:
    sweep = client.sweep(GRID)
    agent = client.agent(sweep)
    commands = [client.claim(agent) for _ in range(6)]
    for command in commands:
        client.end(command["run_id"])
    assert client.heartbeat(agent) == EXIT
    assert client.read_sweep(sweep)["state"] == "FINISHED"
    doomed = commands[2]["run_id"]
    client.graphql(DELETE, id=client.run(doomed)["id"])
    assert client.run(doomed) is None
    assert client.read_sweep(sweep)["state"] == "RUNNING"
    again = client.claim(client.agent(sweep))
    assert point(again) == point(commands[2])
    assert again["run_id"] != doomed


def test_a_run_that_never_began_has_failed(client: Client) -> None:
    sweep = client.sweep(GRID)
    agent = client.agent(sweep)
    (first,) = client.heartbeat(agent)
    assert client.run(first["run_id"])["state"] == "pending"
    assert client.heartbeat(agent, first["run_id"]) == []
    (second,) = client.heartbeat(agent)
    assert client.run(first["run_id"])["state"] == "failed"
    assert point(second) == point(first)


def test_an_agent_that_got_no_answer_gets_the_same_run_again(client: Client) -> None:
    sweep = client.sweep(GRID)
    agent = client.agent(sweep)
    answers = [client.heartbeat(agent) for _ in range(4)]
    assert answers == [answers[0]] * 4
    run = answers[0][0]["run_id"]
    client.start_run(run)
    client.stream(run, {"preempting": True})
    client.end(run, exit_code=1)
    (again,), (once_more,) = client.heartbeat(agent), client.heartbeat(agent)
    assert again == once_more == answers[0][0] | {"type": "resume"}
    assert client.heartbeat(agent, run) == []
    (other,) = client.heartbeat(agent)  # the agent had received the first one
    assert client.run(run)["state"] == "failed"
    assert other["run_id"] != run


@pytest.mark.parametrize(
    ("waited", "age", "is_repeated"),
    [
        (2, 2, True),
        (4, 20, True),
        (6, 6, False),
        (8, 20, False),
        (16, 40, True),
        (60, 250, True),
        (60, 310, False),
    ],
)
def test_w_and_bs_own_agent_repeats_a_request_sooner_or_later_than_it_looks(
    server: ServerProcess, client: Client, waited: int, age: int, is_repeated: bool
) -> None:
    """It does not mention a run that has ended when it asks again, nor one that it has not received."""
    agent = client.agent(client.sweep(GRID))
    (first,) = client.heartbeat(agent)
    with closing(sqlite3.connect(server.data_dir / "metasweep.db", timeout=30)) as database, database:
        database.execute(
            "UPDATE runs SET heartbeat_at = ?, created_at = ? WHERE name = ?",
            (time_ago(waited), time_ago(age), first["run_id"]),
        )
    (again,) = client.heartbeat(agent)
    assert (again["run_id"] == first["run_id"]) == is_repeated
    assert client.run(first["run_id"])["state"] == ("pending" if is_repeated else "failed")


def test_a_run_that_its_agent_says_has_ended_is_not_given_again(client: Client) -> None:
    sweep = client.sweep(GRID)
    agent = client.agent(sweep)
    (first,) = client.heartbeat(agent)
    state = json.dumps({first["run_id"]: False})
    told = client.graphql(HEARTBEAT, id=agent, runState=state)["agentHeartbeat"]["commands"]
    assert client.run(first["run_id"])["state"] == "failed"
    assert json.loads(told)[0]["run_id"] != first["run_id"]


def test_an_attempt_that_never_began_does_not_count(client: Client) -> None:
    sweep = client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [1]}}}")
    for _ in range(MAX_ATTEMPTS + 1):  # agents that die as soon as they have claimed
        (lost,) = client.heartbeat(client.agent(sweep))
        client.start_run(lost["run_id"], state="crashed")
    for _ in range(MAX_ATTEMPTS):
        run = client.claim(client.agent(sweep))["run_id"]
        client.end(run, exit_code=1)
    assert client.heartbeat(client.agent(sweep)) == EXIT


def test_pause_resume_stop_and_cancel(client: Client) -> None:
    sweep = client.sweep(GRID)
    agent = client.agent(sweep)
    client.set_sweep_state(sweep, "PAUSED")
    assert client.heartbeat(agent) == []
    client.set_sweep_state(sweep, "RUNNING")
    run = client.claim(agent)["run_id"]
    client.set_sweep_state(sweep, "FINISHED")
    assert client.heartbeat(agent, run) == []
    client.end(run)
    assert client.heartbeat(agent) == EXIT
    client.set_sweep_state(sweep, "RUNNING")
    run = client.claim(agent)["run_id"]
    client.set_sweep_state(sweep, "CANCELED")
    assert client.heartbeat(agent, run) == EXIT
    assert client.run(run)["state"] == "killed"
    assert client.stream(run, {}) == {"stopped": True}
    assert client.run(run)["state"] == "killed"


def test_a_stopped_run_and_its_agent_are_told_and_it_is_not_offered_again(client: Client) -> None:
    sweep = client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [1]}}}")
    agent = client.agent(sweep)
    run = client.claim(agent)["run_id"]
    assert client.stream(run, {}) == {"stopped": False}
    client.graphql("mutation($id: ID!) { stopRun(input: {id: $id}) { success } }", id=client.run(run)["id"])
    assert client.stream(run, {}) == {"stopped": True}
    assert client.heartbeat(agent, run) == [{"type": "stop", "run_id": run}]
    client.end(run, exit_code=255)
    assert client.run(run)["state"] == "killed"
    assert client.heartbeat(agent) == EXIT


def test_a_preempted_run_is_handed_out_again_under_its_id(client: Client) -> None:
    sweep = client.sweep(GRID)
    agent = client.agent(sweep)
    first = client.claim(agent)
    client.stream(first["run_id"], {"preempting": True})
    assert client.run(first["run_id"])["state"] == "preempting"
    client.end(first["run_id"], exit_code=1)
    assert client.run(first["run_id"])["state"] == "preempted"
    again = client.claim(client.agent(sweep))
    assert (again["type"], again["run_id"], point(again)) == ("resume", first["run_id"], point(first))
    assert client.run(first["run_id"])["state"] == "running"


@pytest.mark.parametrize("own_server", [("--lease", "1")], indirect=True)
def test_a_silent_run_has_crashed_and_may_come_back(own_server: ServerProcess) -> None:
    client = Client(own_server)
    sweep = client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [1]}}}")
    agent = client.agent(sweep)
    quiet = client.claim(agent)["run_id"]
    wait_until(lambda: client.run(quiet)["state"] != "running")
    assert client.run(quiet)["state"] == "crashed"
    again = client.claim(client.agent(sweep))
    assert (point(again), client.run(again["run_id"])["attempt"]) == ({"lr": 1}, 2)
    for run in (quiet, again["run_id"]):
        row = json.dumps({"_step": 0, "who": run})
        client.stream(run, {"files": {"wandb-history.jsonl": {"offset": 0, "content": [row]}}})
        client.end(run)
    for run in (quiet, again["run_id"]):
        found = client.run(run)
        assert (found["state"], [json.loads(row)["who"] for row in found["history"]]) == (
            "finished",
            [run],
        )
    assert client.read_sweep(sweep)["state"] == "FINISHED"


@pytest.mark.parametrize("own_server", [("--lease", "5")], indirect=True)
def test_no_run_is_lost_because_the_server_was_down(own_server: ServerProcess) -> None:
    client = Client(own_server)
    for run in ("alive", "gone"):
        client.start_run(run)
    own_server.kill()
    with closing(sqlite3.connect(own_server.data_dir / "metasweep.db")) as database, database:
        database.execute("UPDATE runs SET heartbeat_at = '2020-01-01T00:00:00Z'")  # it was down for long
    own_server.start()
    client.stream("alive", {})
    assert [client.run(run)["state"] for run in ("alive", "gone")] == ["running"] * 2

    def one_has_ended() -> bool:
        client.stream("alive", {})
        assert client.run("alive")["state"] == "running"
        return client.run("gone")["state"] != "running"

    wait_until(one_has_ended)
    assert client.run("gone")["state"] == "crashed"


def test_deleting_a_sweep_leaves_its_runs(client: Client) -> None:
    sweep = client.sweep(GRID)
    agent = client.agent(sweep)
    run = client.claim(agent)["run_id"]
    client.end(run)
    client.graphql("mutation($id: ID!) { deleteSweep(input: {id: $id}) { success } }", id=sweep["id"])
    assert client.read_sweep(sweep) is None
    assert client.run(run)["state"] == "finished"
    beat = {"query": HEARTBEAT, "variables": {"id": agent, "runState": "{}"}}
    assert client.post("/graphql", json=beat).status_code == 404, "the agent learns that its sweep is gone"


def test_prior_runs_cover_their_points(client: Client) -> None:
    sweep = client.sweep(GRID)
    done = [point(client.claim(client.agent(sweep))) for _ in range(2)]
    runs = [edge["node"]["name"] for edge in client.read_sweep(sweep)["runs"]["edges"]]
    for run in runs:
        client.end(run)
    after = client.sweep(GRID, prior=json.dumps({"$or": [{"name": run} for run in runs]}))
    points = [json.loads(text) for text in claim_all(client.server, after)]
    assert len(points) == 4
    assert not [known for known in done if known in points]
    assert len(client.read_sweep(after)["runs"]["edges"]) == 6


def test_run_cap_and_random_points(client: Client) -> None:
    config = "{method: random, run_cap: 4, program: p.py, parameters: {lr: {min: 0.0, max: 1.0}}}"
    points = claim_all(client.server, sweep := client.sweep(config))
    assert len(set(points)) == 4
    assert all(0 <= json.loads(text)["lr"] <= 1 for text in points)
    assert client.read_sweep(sweep)["runCountExpected"] == 4


def test_bayes_learns_from_the_runs_before(client: Client) -> None:
    config = """{method: bayes, run_cap: 30, program: p.py, metric: {name: loss, goal: minimize},
                parameters: {x: {min: -10.0, max: 10.0}}}"""
    sweep = client.sweep(config)
    agent, distances = client.agent(sweep), []
    for _ in range(30):
        command = client.claim(agent)
        distance = abs(point(command)["x"] - 3)
        distances.append(distance)
        summary = {"wandb-summary.json": {"offset": 0, "content": [json.dumps({"loss": distance})]}}
        client.stream(command["run_id"], {"files": summary})
        client.end(command["run_id"])
    assert sorted(distances[15:])[7] < 4, "points drawn at random have a median distance of 5"
    assert min(distances) < 1
