"""The stream of a run: each line once, whatever is repeated, split or out of order."""

import json
import uuid
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


def test_a_run_begun_anew_under_its_id_loses_the_old_rows(client: Client) -> None:
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
