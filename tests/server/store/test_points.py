"""Who holds a point, whatever happens to its runs and in whatever order."""

import contextlib
import json
import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.conftest import ServerProcess
from tests.server.protocol import Client

DELETE = "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
STOP = "mutation($id: ID!) { stopRun(input: {id: $id}) { success } }"
EXIT = [{"type": "exit"}]
ONE_POINT = "{method: grid, program: p.py, parameters: {lr: {values: [1]}}}"
MAX_ATTEMPTS = 3
OPEN = ("pending", "running", "preempting", "preempted")
LOST = ("failed", "crashed", "killed")


@pytest.fixture
def client(server: ServerProcess) -> Client:
    return Client(server)


def crash(client: Client, run: str) -> None:
    """What the end of a lease does."""
    client.start_run(run, state="crashed")


def test_a_run_that_comes_back_and_fails_does_not_free_the_point_of_another(client: Client) -> None:
    sweep = client.sweep(ONE_POINT)
    first, second, third = (client.agent(sweep) for _ in range(3))
    lost = client.claim(first)["run_id"]
    crash(client, lost)
    held = client.claim(second)["run_id"]
    client.stream(lost, {})  # its network is back
    assert client.run(lost)["state"] == "running"
    client.end(lost, exit_code=1)
    assert client.heartbeat(third) == [], "the second run is at it"
    client.end(held, exit_code=1)
    again = client.claim(third)["run_id"]
    assert client.run(again)["attempt"] == 3
    client.end(again)
    assert client.heartbeat(first) == EXIT


def test_a_run_that_comes_back_before_its_point_was_taken_keeps_it(client: Client) -> None:
    sweep = client.sweep(ONE_POINT)
    run = client.claim(client.agent(sweep))["run_id"]
    crash(client, run)
    client.stream(run, {})
    assert client.heartbeat(client.agent(sweep)) == []
    client.end(run)
    assert client.read_sweep(sweep)["state"] == "FINISHED"


def test_a_point_that_is_released_twice_counts_once_for_run_cap(client: Client) -> None:
    sweep = client.sweep("{method: random, run_cap: 2, program: p.py, parameters: {x: {min: 0.0, max: 1.0}}}")
    run = client.claim(client.agent(sweep))["run_id"]
    crash(client, run)
    client.end(run, exit_code=1)
    points = [client.claim(client.agent(sweep))["args"]["x"]["value"] for _ in range(2)]
    assert len(set(points)) == 2
    assert client.heartbeat(client.agent(sweep)) == []


def test_a_sweep_whose_last_points_are_covered_is_finished(client: Client) -> None:
    grid = "{method: grid, program: p.py, parameters: {lr: {values: [1, 2, 3]}}}"
    before = client.sweep(grid)
    runs = [client.claim(client.agent(before))["run_id"] for _ in range(3)]
    for run in runs:
        client.end(run)
    prior = json.dumps({"$or": [{"name": run} for run in runs[1:]]})
    after = client.sweep(grid, prior=prior)
    agent = client.agent(after)
    command = client.claim(agent)
    assert command["args"]["lr"]["value"] == 1
    client.end(command["run_id"])
    assert client.heartbeat(agent) == EXIT
    assert client.read_sweep(after)["state"] == "FINISHED"


def test_a_stopped_run_that_is_resumed_is_not_stopped_again(client: Client) -> None:
    client.start_run("again")
    client.graphql(STOP, id=client.run("again")["id"])
    assert client.stream("again", {}) == {"stopped": True}
    client.end("again", exit_code=1)
    assert client.run("again")["state"] == "killed"
    client.start_run("again")
    assert client.stream("again", {}) == {"stopped": False}
    client.end("again")
    assert client.run("again")["state"] == "finished"


def test_a_preempted_run_that_is_stopped_is_not_handed_out_again(client: Client) -> None:
    sweep = client.sweep(ONE_POINT)
    run = client.claim(client.agent(sweep))["run_id"]
    client.stream(run, {"preempting": True})
    client.end(run, exit_code=1)
    assert client.run(run)["state"] == "preempted"
    client.graphql(STOP, id=client.run(run)["id"])
    assert client.run(run)["state"] == "killed"
    assert client.heartbeat(client.agent(sweep)) == EXIT
    assert client.read_sweep(sweep)["state"] == "FINISHED"


class Sweep(RuleBasedStateMachine):
    """A sweep of a few points, and agents and runs that do whatever they may, in any order."""

    server: ServerProcess

    def __init__(self) -> None:
        super().__init__()
        self.client = Client(self.server)
        self.points = 3
        self.sweep = self.client.sweep("{method: grid, program: p.py, parameters: {lr: {values: [1, 2, 3]}}}")
        self.agents = [self.client.agent(self.sweep) for _ in range(4)]
        self.database = sqlite3.connect(f"file:{self.server.data_dir}/metasweep.db?mode=ro", uri=True)
        self.database.row_factory = sqlite3.Row
        self.came_back: set[str] = set()

    def rows(self, table: str) -> list[sqlite3.Row]:
        column = "name" if table == "sweeps" else "sweep"
        query = f"SELECT * FROM {table} WHERE {column} = ? ORDER BY id"
        if table == "freed_points":
            query = "SELECT * FROM freed_points WHERE sweep_id = (SELECT id FROM sweeps WHERE name = ?)"
        return self.database.execute(query, (self.sweep["name"],)).fetchall()

    def some(self, number: int, *states: str) -> str | None:
        """The name of a run in one of the states."""
        found = [row["name"] for row in self.rows("runs") if row["state"] in states]
        return found[number % len(found)] if found else None

    @rule(number=st.integers(0, 3), listed=st.booleans())
    def beat(self, number: int, listed: bool) -> None:
        """An agent asks; what it gets must be free, and is a new attempt or the same run resumed."""
        before = {row["name"]: row for row in self.rows("runs")}
        own = self.client.graphql(AGENT_RUNS, id=self.agents[number])["agent"]["runs"]["edges"]
        running = [edge["node"]["name"] for edge in own if edge["node"]["state"] in ("pending", "running")]
        commands = self.client.heartbeat(self.agents[number], *(running if listed else ()))
        for command in commands:
            if command["type"] == "run":
                (taken,) = [row for row in self.rows("runs") if row["name"] == command["run_id"]]
                others = [row for row in before.values() if row["point"] == taken["point"]]
                if taken["name"] in before:  # its agent had not received it
                    assert before[taken["name"]]["state"] == taken["state"] == "pending"
                    continue
                states = {row["name"]: row["state"] for row in self.rows("runs")}
                assert all(states[row["name"]] in LOST and not row["stop_requested"] for row in others)
                assert sum(row["acknowledged"] for row in others) < MAX_ATTEMPTS
                assert taken["attempt"] == len(others) + 1
            elif command["type"] == "resume":
                run = before[command["run_id"]]  # the latter: its agent had not received it
                assert run["state"] == "preempted" or (run["state"] == "pending" and not run["acknowledged"])

    @rule(
        number=st.integers(0, 9),
        action=st.sampled_from(["begin", "finish", "fail", "crash", "preempt", "stop", "delete"]),
    )
    def happen(self, number: int, action: str) -> None:
        """Something happens to a run."""
        states = {"begin": ("pending",), "preempt": ("running",), "crash": OPEN}.get(action, (*OPEN, *LOST))
        run = self.some(number, *states)
        if run is None:
            return
        if action == "begin":
            self.client.start_run(run)
        elif action in ("finish", "fail"):
            self.client.end(run, exit_code=int(action == "fail"))
        elif action == "crash":
            crash(self.client, run)
        elif action == "preempt":
            self.client.stream(run, {"preempting": True})
            self.client.end(run, exit_code=1)
        else:
            self.client.graphql(STOP if action == "stop" else DELETE, id=self.client.run(run)["id"])

    @rule(number=st.integers(0, 9))
    def come_back(self, number: int) -> None:
        """A crashed run speaks again."""
        if run := self.some(number, "crashed"):
            self.came_back.add(run)
            self.client.stream(run, {})

    @invariant()
    def a_point_is_queued_or_held(self) -> None:
        runs, queued = self.rows("runs"), {row["point"] for row in self.rows("freed_points")}
        (sweep,) = self.rows("sweeps")
        assert sweep["claimed"] + len(queued) == sweep["next_point"]
        for point in range(sweep["next_point"]):
            own = [row for row in runs if row["point"] == point]
            held = [row for row in own if row["state"] not in LOST or row["stop_requested"]]
            if point in queued:
                assert not held
            else:
                assert held or len(own) >= MAX_ATTEMPTS, "no point is forgotten"
            at_it = [row for row in own if row["state"] in OPEN and row["name"] not in self.came_back]
            assert len(at_it) <= 1, "and none is worked at twice, unless a lost run came back"

    @invariant()
    def it_is_finished_when_nothing_is_left(self) -> None:
        (sweep,) = self.rows("sweeps")
        expected = [row for row in self.rows("runs") if row["name"] not in self.came_back]
        left = self.rows("freed_points") or any(row["state"] in OPEN for row in expected)
        assert not (sweep["state"] == "FINISHED" and (left or sweep["next_point"] < self.points))

    def teardown(self) -> None:
        """Work off what is left: every point ends up finished, stopped, or out of attempts."""
        for _ in range(40):
            commands = [self.client.heartbeat(agent) for agent in self.agents]
            for command in [command for given in commands for command in given if "run_id" in command]:
                self.client.start_run(command["run_id"])
                self.client.end(command["run_id"])
            for row in self.rows("runs"):
                if row["state"] in OPEN:
                    self.client.end(row["name"])
            if all(given == EXIT for given in commands):
                break
        assert self.rows("sweeps")[0]["state"] == "FINISHED"
        with contextlib.closing(self.database):
            self.a_point_is_queued_or_held()


AGENT_RUNS = "query($id: ID) { agent(id: $id) { runs(first: 100) { edges { node { name state } } } } }"


def test_points_survive_everything(server: ServerProcess) -> None:
    machine: Any = type("SweepOfServer", (Sweep,), {"server": server})
    run_state_machine_as_test(
        machine,
        settings=settings(max_examples=30, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )


def test_a_finished_run_is_not_changed_by_a_process_that_was_thought_dead(client: Client) -> None:
    sweep = client.sweep(ONE_POINT)
    run = client.claim(client.agent(sweep))["run_id"]
    client.start_run(run)
    client.end(run)
    client.stream(run, {"preempting": True})
    client.end(run, exit_code=1)
    assert client.run(run)["state"] == "finished"
    assert client.read_sweep(sweep)["state"] == "FINISHED"
