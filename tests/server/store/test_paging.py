"""Lists that change while they are read: what is there throughout is seen exactly once."""

import json
import random
from itertools import count

import pytest
import wandb

from tests.conftest import ServerProcess
from tests.server.protocol import Client

ORDERS = [
    "+created_at",
    "-created_at",
    "-summary_metrics.score",
    "+summary_metrics.score",
    "+group,-summary_metrics.score,display_name",
]
SCORES = (0, 0.5, 0.5, -3, 2**53 + 1, None, True, "text", "ünïcode", [1, 2], {"a": 1}, "missing")
SET_UP = """
mutation($name: String!, $project: String!, $group: String, $summary: JSONString) {
  upsertBucket(input: {name: $name, modelName: $project, groupName: $group, summaryMetrics: $summary}) {
    bucket { id }
  }
}"""
DELETE = "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"


class Crowd:
    """Runs of a project that stay, and runs that come and go."""

    def __init__(self, server: ServerProcess, seed: int):
        self.client = Client(server, f"crowd-{seed}")
        self.random = random.Random(seed)
        self.passing: dict[str, str] = {}
        self.numbers = count()
        for _ in range(4):
            self.add()
        self.staying = [self.make(f"stays-{i}") for i in range(24)]

    def make(self, name: str) -> str:
        """A run with a random score, or none; its name."""
        score = self.random.choice(SCORES)
        summary = {} if score == "missing" else {"score": score}
        group = self.random.choice([None, "", "a", "b"])
        made = self.client.graphql(SET_UP, name=name, group=group, summary=json.dumps(summary))
        self.passing[name] = made["upsertBucket"]["bucket"]["id"]
        return name

    def add(self) -> None:
        """One more that will go."""
        self.make(f"passes-{next(self.numbers)}")

    def change(self, seen: list[str]) -> None:
        """Some come, some go: the one that was seen last above all."""
        for _ in range(self.random.randrange(4)):
            self.add()
        going = [name for name in self.passing if name.startswith("passes")]
        chosen = [name for name in seen[-1:] if name in going] + self.random.sample(going, min(2, len(going)))
        for name in dict.fromkeys(chosen):
            self.client.graphql(DELETE, id=self.passing.pop(name))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("order", ORDERS)
def test_runs_that_stay_are_listed_once(
    server: ServerProcess,
    client_env: dict[str, str],  # noqa: ARG001
    order: str,
    seed: int,
) -> None:
    crowd = Crowd(server, 10 * ORDERS.index(order) + seed)
    seen: list[str] = []
    path = f"{crowd.client.entity}/{crowd.client.project}"
    for run in wandb.Api().runs(path, order=order, per_page=3, filters={"state": {"$ne": "lost"}}):
        seen.append(run.id)
        assert len(seen) < 400, "it ends"
        if len(seen) < 40:
            crowd.change(seen)
    assert len(seen) == len(set(seen))
    assert set(crowd.staying) <= set(seen)


def test_a_cursor_of_another_order_is_refused(server: ServerProcess) -> None:
    client = Client(server, "cursors")
    for name in ("one", "two"):
        client.start_run(name)
    query = """query($project: String!, $order: String, $after: String) {
      project(name: $project) { runs(first: 1, order: $order, after: $after) { pageInfo { endCursor } } }
    }"""
    cursor = client.graphql(query, order="-created_at")["project"]["runs"]["pageInfo"]["endCursor"]
    for order, after in (("+created_at", cursor), ("-created_at", "nonsense"), ("-created_at", "MTIz")):
        variables = {"project": client.project, "order": order, "after": after}
        answer = client.post("/graphql", json={"query": query, "variables": variables})
        assert answer.status_code == 400
        assert "cursor" in answer.json()["error"]
