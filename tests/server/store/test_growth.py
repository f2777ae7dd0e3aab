"""The cost of a claim does not grow with the finished points; counted in SQLite's steps, not in time."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from metasweep.server.api import agents, sweeps
from metasweep.server.app import open_server
from metasweep.server.context import Context, Settings
from metasweep.server.store import files
from metasweep.server.store.base import ids
from metasweep.server.store.base.database import Database, insert
from metasweep.server.stream.streams import Chunk, receive
from metasweep.server.watch import leases
from metasweep.server.watch.early_stop import EarlyStop

POINTS, AGENTS = 22_500, 1_000
GRID = "{method: grid, program: p.py, parameters: {a: {min: 1, max: 150}, b: {min: 1, max: 150}}}"
DONE = """
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :done)
INSERT INTO runs (project_id, name, display_name, state, username, created_at, updated_at, heartbeat_at,
                  sweep, sweep_id, agent_id, point, parameters)
SELECT 1, 'done' || n, 'done', 'finished', 'e', :time, :time, :time, 's', 1, 1 + n % 1000, n, '{}'
FROM numbers
"""


class House:
    """A server without a socket, whose database counts its steps."""

    def __init__(self, folder: Path) -> None:
        self.server = open_server(Settings(folder))
        self.info: Any = SimpleNamespace(context=Context(self.server, "http://x"))
        self.sweep = sweeps.upsert_sweep(None, self.info, {"config": GRID, "projectName": "p"})["sweep"]
        new = {"sweep": self.sweep["name"], "projectName": "p", "host": "h"}
        self.agents = [agents.create_agent(None, self.info, new)["agent"]["id"] for _ in range(AGENTS)]
        self.steps = 0
        self.write(lambda connection: connection.set_progress_handler(self._count, 1))

    def _count(self) -> int:
        self.steps += 1
        return 0

    def write(self, job: Callable[[Any], Any]) -> Any:
        return self.server.database.write(job)

    def cost(self, act: Callable[[], Any]) -> int:
        before = self.steps
        act()
        return self.steps - before

    def beat(self, agent: int) -> list[dict[str, Any]]:
        input = {"id": ids.encode("Agent", self.agents[agent]), "runState": "{}"}
        return json.loads(agents.heartbeat(None, self.info, input)["commands"])

    def end(self, run: str, exit_code: int) -> None:
        path = (self.server.settings.entity, "p", run)
        chunk = Chunk(complete=True, exit_code=exit_code)
        self.write(lambda connection: receive(self.server, path, chunk, connection))

    def be_done(self, done: int) -> None:
        """Store that many finished points."""

        def job(connection: Any) -> None:
            connection.execute("DELETE FROM runs")
            connection.execute(DONE, {"done": done, "time": "2026-01-01T00:00:00Z"})
            connection.execute("UPDATE sweeps SET next_point = ?, claimed = ?", (done, done))

        self.write(job)

    def costs(self, done: int) -> dict[str, int]:
        """Return the steps of all events in the life of a point, and of a check of the leases."""
        self.be_done(done)
        found = {}
        runs: list[str] = []
        found["claim"] = self.cost(lambda: runs.append(self.beat(0)[0]["run_id"]))
        found["fail"] = self.cost(lambda: self.end(runs[0], 1))
        found["claim again"] = self.cost(lambda: runs.append(self.beat(1)[0]["run_id"]))
        found["finish"] = self.cost(lambda: self.end(runs[1], 0))
        found["leases"] = self.cost(lambda: self.write(lambda c: leases.expire(c, 300.0, 3)))
        return found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.server.database.close()


def test_a_claim_costs_the_same_at_the_start_and_at_the_end(house: House) -> None:
    first, last = house.costs(10), house.costs(POINTS - 100)
    assert all(first.values())
    for name, steps in first.items():
        assert last[name] <= 1.2 * steps, (name, first, last)


def test_an_agent_that_stands_by_costs_as_many_steps_as_there_are_agents_at_most(house: House) -> None:
    house.be_done(POINTS - 1)
    assert house.beat(0)[0]["type"] == "run"
    costs = [house.cost(lambda agent=agent: house.beat(agent)) for agent in (1, 2, 3, AGENTS - 1)]
    assert [house.beat(agent) for agent in (1, 2, 3)] == [[], [], [{"type": "exit"}]]
    assert max(costs) < 1.5 * min(costs)


def test_an_entry_of_an_artifact_costs_the_same_with_any_number_of_them(tmp_path: Path) -> None:
    database = Database(tmp_path / "db")
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def add(connection: Any, artifact: int, name: str) -> None:
        row: Any = {"id": artifact, "collection_id": 1}
        files.add_reference(connection, artifact, f"ref{name}", "s3://b", 1, "same")
        files.inherit(connection, row, f"old{name}", 1, "same")

    def job(connection: Any) -> list[int]:
        nonlocal steps
        times = {"created_at": "", "updated_at": ""}
        insert(connection, "projects", entity="e", name="p", created_at="")
        insert(connection, "collections", project_id=1, type="t", name="c", **times)
        for _ in range(2):
            insert(connection, "artifacts", collection_id=1, state="PENDING", digest="", **times)
        old = {"artifact_id": 1, "name": "x", "blob": "b", "md5": "same", "mimetype": "", "updated_at": ""}
        insert(connection, "files", **old)
        connection.set_progress_handler(count, 1)
        costs = []
        for number in range(3000):
            steps = 0
            add(connection, 2, str(number))
            costs.append(steps)
        connection.set_progress_handler(None, 0)
        return costs

    costs = database.write(job)
    database.close()
    assert max(costs[2900:]) < 1.5 * max(costs[5:100])


def test_early_termination_keeps_the_values_of_running_sweeps_alone(house: House) -> None:
    stops = "{metric: {name: loss}, early_terminate: {type: hyperband, min_iter: 3}, "
    new = {"config": stops + GRID[1:], "projectName": "p"}
    sweep = sweeps.upsert_sweep(None, house.info, new)["sweep"]
    agent = {"sweep": sweep["name"], "projectName": "p", "host": "h"}
    house.agents.append(agents.create_agent(None, house.info, agent)["agent"]["id"])
    assert house.beat(-1)[0]["type"] == "run"
    early = EarlyStop(house.server.database)
    early.look()
    assert len(early.followed) == 1
    house.server.database.write(lambda connection: connection.execute("UPDATE sweeps SET state = 'FINISHED'"))
    early.look()
    assert not early.followed
