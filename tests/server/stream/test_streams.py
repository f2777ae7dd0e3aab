"""The stream of a run: each line once, whatever is repeated, split or out of order."""

import json
import uuid
from itertools import pairwise
from typing import Any

import pytest
import wandb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metasweep.server.store.runs.streams import PORTION as DELETED_AT_ONCE
from metasweep.server.stream import streams
from tests.conftest import ServerProcess
from tests.server.protocol import Client

HISTORY, EVENTS, LOGS = "wandb-history.jsonl", "wandb-events.jsonl", "output.log"


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Client:
    return Client(server)


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """A number of lines, and spans [begin, end) that cover them, with repeats and in any order."""
    count = draw(st.integers(1, 30))
    cuts = sorted({0, count, *draw(st.lists(st.integers(0, count), max_size=5))})
    spans = [(begin, end) for begin, end in pairwise(cuts) if begin < end]
    repeats = draw(st.lists(st.sampled_from(spans), max_size=5))
    return count, draw(st.permutations(spans + repeats))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries())
def test_every_line_is_there_once_and_in_order(
    client: Client, case: tuple[int, list[tuple[int, int]]]
) -> None:
    count, spans = case
    run = uuid.uuid4().hex[:8]
    client.start_run(run)
    rows = [json.dumps({"_step": 2 * i, "loss": 1 / (i + 1), "name": f"✓{i}"}) for i in range(count)]
    logs = [f"line {i}" for i in range(count)]
    for begin, end in spans:
        files = {
            HISTORY: {"offset": begin, "content": rows[begin:end]},
            LOGS: {"offset": begin, "content": logs[begin:end]},
        }
        client.stream(run, {"files": files})
    found = client.run(run)
    assert found["history"] == rows
    assert [edge["node"]["line"] for edge in found["logLines"]["edges"]] == logs
    assert (found["historyLineCount"], found["logLineCount"]) == (count, count)
    assert found["historyKeys"]["lastStep"] == 2 * (count - 1)
    assert set(found["historyKeys"]["keys"]) == {"_step", "loss", "name"}


def test_numbers_that_json_does_not_know(client: Client) -> None:
    run = uuid.uuid4().hex[:8]
    client.start_run(run)
    files: dict[str, Any] = {
        HISTORY: {
            "offset": 0,
            "content": ['{"_step": 0, "loss": NaN}', '{"_step": 1, "loss": -Infinity}'],
        },
        "wandb-summary.json": {"offset": 0, "content": ['{"loss": NaN, "best": {"min": Infinity}}']},
    }
    client.stream(run, {"files": files})
    found = client.run(run)
    assert found["history"] == files[HISTORY]["content"]
    assert json.loads(found["summaryMetrics"]) == {"loss": "NaN", "best": {"min": "Infinity"}}
    query = "query($project: String, $name: String) { project(name: $project) { run(name: $name) {"
    spec = json.dumps(json.dumps({"keys": ["_step", "loss"], "samples": 10}))
    sampled = client.graphql(f"{query} sampledHistory(specs: [{spec}]) }} }} }}", name=run)
    assert sampled["project"]["run"]["sampledHistory"] == [
        [{"_step": 0, "loss": "NaN"}, {"_step": 1, "loss": "-Infinity"}]
    ]


def test_a_run_started_again_under_its_id_loses_the_old_rows(client: Client) -> None:
    run = uuid.uuid4().hex[:8]
    client.start_run(run)
    client.stream(
        run, {"files": {HISTORY: {"offset": 0, "content": ['{"_step": 0, "a": 1}', '{"_step": 1}']}}}
    )
    client.end(run)
    assert not client.start_run(run)["inserted"]
    client.stream(run, {"files": {HISTORY: {"offset": 0, "content": ['{"_step": 0, "a": 2}']}}})
    assert client.run(run)["history"] == ['{"_step": 0, "a": 2}']
    assert client.run(run)["state"] == "running"


def test_a_point_stays_finished_when_the_records_of_an_earlier_attempt_are_sent(client: Client) -> None:
    sweep = client.sweep("{method: grid, program: p.py, parameters: {i: {values: [1]}}}")
    run = client.claim(client.agent(sweep))["run_id"]
    client.end(run)
    client.start_run(run)
    client.end(run, exit_code=1)
    assert client.run(run)["state"] == "finished"


def test_a_time_that_is_none_does_no_harm(client: Client) -> None:
    run = uuid.uuid4().hex[:8]
    client.start_run(run)
    rows = [json.dumps({"_step": 0, "_timestamp": time}) for time in ({"a": 1}, ["b"], "c", None)]
    for offset in (0, 4):
        client.stream(run, {"files": {HISTORY: {"offset": offset, "content": rows}}})
    assert client.run(run)["history"] == rows * 2


REWIND = """
mutation Rewind($project: String, $name: String!) {
  rewindRun(input: {projectName: $project, runName: $name, metricName: "_step", metricValue: 1}) {
    rewoundRun { historyLineCount }
  }
}"""
DELETE = "mutation Delete($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"


def test_many_lines_are_written_and_deleted_in_portions(client: Client) -> None:
    """So that what others write does not wait for them."""
    run, count = uuid.uuid4().hex[:8], DELETED_AT_ONCE + streams.PORTION + 2

    def log(first: str) -> None:
        rows = [json.dumps({"_step": i, "x": i or first}) for i in range(count)]
        files = {HISTORY: {"offset": 0, "content": rows}, LOGS: {"offset": 0, "content": ["a", "b"]}}
        client.stream(run, {"files": files, "complete": True, "exitcode": 0})

    def counts() -> tuple[int, int, str]:
        found = client.run(run)
        return found["historyLineCount"], found["logLineCount"], found["state"]

    client.start_run(run)
    log("a")
    assert counts() == (count, 2, "finished")
    client.start_run(run)
    log("b")
    assert counts() == (count, 2, "finished")
    assert json.loads(client.run(run)["history"][0])["x"] == "b"
    assert client.graphql(REWIND, name=run)["rewindRun"]["rewoundRun"] == {"historyLineCount": 2}
    log("b")
    client.graphql(DELETE, id=client.run(run)["id"])
    assert client.run(run) is None


@pytest.mark.parametrize("lines", [0, 1, streams.PORTION, streams.PORTION + 1, 3 * streams.PORTION])
def test_the_last_portion_of_a_chunk_says_that_it_is_complete(lines: int) -> None:
    history = [(i, i, "{}") for i in range(lines)]
    whole = streams.Chunk(history=history, logs=[(0, "a")], summary="{}", complete=True, exit_code=3)
    *before, last = streams.portions(whole)
    assert all(len(part.history) == streams.PORTION for part in before)
    assert not any(part.complete or part.summary or part.exit_code for part in before)
    assert (last.summary, last.complete, last.exit_code) == ("{}", True, 3)
    assert [row for part in (*before, last) for row in part.history] == history
    assert [line for part in (*before, last) for line in part.logs] == [(0, "a")]


@pytest.mark.usefixtures("client_env")
def test_a_fork_has_what_was_logged_before_it_and_so_has_a_fork_of_it() -> None:
    def rows(run: str) -> list[tuple[int, int]]:
        return [(row["_step"], row["x"]) for row in wandb.Api().run(f"forks/{run}").scan_history()]

    with wandb.init(project="forks", id="first") as run:
        for step in range(5):
            run.log({"x": step})
    for name, before in (("second", "first?_step=3"), ("third", "second?_step=4")):
        with wandb.init(project="forks", id=name, fork_from=before) as run:
            run.log({"x": 10})
    assert rows("first") == [(i, i) for i in range(5)]
    assert rows("second") == [(0, 0), (1, 1), (2, 2), (3, 3), (4, 10)]
    assert rows("third") == [*rows("second"), (5, 10)]
    with wandb.init(project="forks", resume_from="third?_step=2") as run:
        run.log({"x": 20})
    assert rows("third") == [(0, 0), (1, 1), (2, 2), (3, 20)]


@pytest.mark.parametrize(
    "point",
    [7, [], {}, {"run_id": 3, "step": 1}, {"run_id": "none", "step": 1}, {"run_id": "none", "step": "x"}],
)
def test_a_fork_of_nothing_begins_empty(client: Client, point: Any) -> None:
    run = uuid.uuid4().hex[:8]
    client.start_run(run, config=json.dumps({"_wandb": {"value": {"branch_point": point}}}))
    assert client.run(run)["history"] == []
