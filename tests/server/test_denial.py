"""One request must not stop all others, whatever a holder of a key sends: counted in work where it can be."""

import contextlib
import json
import resource
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.to_thread
import pytest
import requests
from starlette.requests import Request

from metasweep import sweeps
from metasweep.server import budget, connections
from metasweep.server.api import sweeps as api
from metasweep.server.app import open_server
from metasweep.server.budget import Budget, NotQuick
from metasweep.server.context import Context, Settings
from metasweep.server.documents import DEEPEST, MOST_PARTS, parse_object
from metasweep.server.errors import BadRequest, ServerError, TooLarge, Unavailable
from metasweep.server.lanes import SLOW_AT_ONCE, Lanes
from metasweep.server.store.base.database import Database
from metasweep.server.store.points import claims, configs
from metasweep.server.store.runs import filters
from metasweep.sweeps.search import hyperband
from tests import loops
from tests.conftest import ServerProcess
from tests.server.protocol import UPSERT, UPSERT_SWEEP, Client

LAUGHS = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]
)
MERGES = "\n".join(
    ["a: &a {x: 1}"]
    + [
        f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}"
        for old, new in zip("abcdefg", "bcdefgh", strict=True)
    ]
)


@pytest.mark.parametrize(
    "text", [LAUGHS, MERGES, "a: &a [*a]", "a: *b", "[" * 5000, "[" * 100_000, "{" * 3000]
)
def test_what_a_few_lines_of_yaml_unfold_to_is_never_unfolded(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        sweeps.read_config(text)


def test_aliases_that_wandb_itself_writes_are_read() -> None:
    assert sweeps.read_config("a: &id001 [1, 2]\nb: *id001\nc: {d: *id001}") == {
        "a": [1, 2],
        "b": [1, 2],
        "c": {"d": [1, 2]},
    }


def test_a_hyperband_has_a_bounded_number_of_bands() -> None:
    section = {"type": "hyperband", "max_iter": 10**9, "eta": 1 + 1e-9}
    for s in (10**9, 2**63, 10**100):
        assert len(hyperband.bands(section | {"s": s})) <= hyperband._MOST_BANDS
    assert hyperband.bands({"max_iter": 27, "s": 2, "eta": 3}) == [3, 9]


def grid_of(values: int) -> str:
    return json.dumps(
        {"method": "grid", "program": "p.py", "parameters": {"x": {"values": list(range(values))}}}
    )


def steps_of_claims(folder: Path, values: int) -> tuple[int, int]:
    """(steps of SQLite, bytes of configuration read) of a claim, in a server that has just begun."""
    folder.mkdir()
    server = open_server(Settings(folder))
    info: Any = SimpleNamespace(context=Context(server, "http://x"))
    sweep = api.upsert_sweep(None, info, {"config": grid_of(values), "projectName": "p"})["sweep"]
    configs._kept.clear()  # as after a restart
    configs.prepare(server.database.read(), sweep)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    read: list[str] = []

    def claim(connection: Any) -> None:
        connection.set_progress_handler(count, 1)
        connection.set_trace_callback(read.append)
        now = connection.execute("SELECT * FROM sweeps WHERE id = ?", (sweep["id"],)).fetchone()
        found = claims.claim(connection, now, None, "me")  # type: ignore[arg-type]
        assert found is not None
        assert found["args"]["x"]["value"] == 0

    server.database.write(claim)
    server.database.close()
    return steps, sum("configs" in statement for statement in read)


def test_a_claim_costs_the_same_with_any_number_of_listed_values(tmp_path: Path) -> None:
    few, many = (steps_of_claims(tmp_path / str(values), values) for values in (10, 100_000))
    assert many == few
    assert many[1] == 0, "the configuration is not read within the write"


class Reader:
    """A database with many runs, read at the cost of a budget."""

    def __init__(self, folder: Path) -> None:
        self.server = open_server(Settings(folder))
        self.database = self.server.database
        self.database.write(self._fill)

    @staticmethod
    def _fill(connection: Any) -> None:
        connection.execute("INSERT INTO projects (entity, name, created_at) VALUES ('e', 'p', '')")
        connection.execute(
            "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999)"
            " INSERT INTO runs (project_id, name, display_name, state, username, created_at, updated_at,"
            " heartbeat_at, summary) SELECT 1, 'r' || i, 'a' || i, 'finished', 'e', '', '', '', '{}' FROM n"
        )

    def scan(self, filter: dict[str, Any], budget: Budget) -> int:
        sql, values = filters.compile_filter(filter)
        with self.database.snapshot(budget) as connection:
            return connection.execute(f"SELECT count(*) FROM runs WHERE {sql}", values).fetchone()[0]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    found = Reader(tmp_path_factory.mktemp("reader"))
    yield found
    found.database.close()


def test_a_query_whose_client_has_left_leaves_nothing_behind(reader: Reader) -> None:
    """The next request of this thread reads as if the query had never been there."""
    left = Budget()
    left.cancelled.set()
    with pytest.raises(Unavailable):
        reader.scan({}, left)
    assert reader.database.read().execute("SELECT count(*) FROM runs").fetchone()[0] == 3000


WIDE = {"$or": [{f"summary_metrics.k{i}": i} for i in range(500)]}
PATTERN = {"display_name": {"$regex": "^(((a{1,10}){1,10}){1,5})$"}}


@pytest.mark.parametrize("filter", [WIDE, PATTERN])
def test_a_search_costs_what_it_costs_and_ends_there(reader: Reader, filter: dict[str, Any]) -> None:
    quick, own = Budget(quick=True), Budget()
    with pytest.raises(NotQuick):
        reader.scan(filter, quick)
    assert reader.scan({"display_name": "a7"}, own) == 1
    small = Budget(steps=200_000)
    with pytest.raises(BadRequest, match="in parts"):
        reader.scan(filter, small)
    assert -200_000 < small.steps < 0, "no further than to the next look"
    assert reader.scan({"display_name": "a7"}, Budget()) == 1, "the connection goes on"


def test_a_search_ends_when_nobody_waits_for_it(reader: Reader) -> None:
    cancelled = Budget()
    cancelled.cancelled.set()
    with pytest.raises(ServerError, match="the client has left"):
        reader.scan(WIDE, cancelled)
    assert cancelled.steps >= budget.MOST_STEPS - 2 * budget.TICK


@pytest.mark.parametrize("pattern", ["((a?){500}){2}b", "(a|b|c|.){900}z", "[ab]{0,900}[bc]{0,900}z"])
def test_a_pattern_that_is_long_in_other_words_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="too long a pattern"):
        filters.compile_filter({"display_name": {"$regex": pattern}})


def test_a_quick_query_does_not_wait_for_slow_ones() -> None:
    """Slow ones hold their lane until they are let go; meanwhile a quick one is answered."""
    let_go, begun = threading.Event(), threading.Semaphore(0)

    def slow(budget: Budget) -> str:
        if budget.quick:
            raise NotQuick
        begun.release()
        assert let_go.wait(30)
        return "slow"

    async def receive() -> dict[str, Any]:
        await anyio.sleep_forever()
        raise AssertionError

    async def main() -> list[str]:
        lanes, answers = Lanes(), []

        async def ask(work: Any) -> None:
            answers.append(await lanes.run(Request({"type": "http"}, receive), work, changes=False))

        async with anyio.create_task_group() as group:
            for _ in range(SLOW_AT_ONCE * 20):
                group.start_soon(ask, slow)
            for _ in range(SLOW_AT_ONCE):
                assert await anyio.to_thread.run_sync(begun.acquire, True, 30)
            await ask(lambda _budget: "quick")
            let_go.set()
        return answers

    answers = loops.run(main)
    assert answers[0] == "quick"
    assert answers.count("slow") == SLOW_AT_ONCE * 20


def test_when_its_client_leaves_a_query_is_given_up() -> None:
    seen = threading.Event()

    def work(budget: Budget) -> bool:
        seen.set()
        return budget.cancelled.wait(30)

    async def receive() -> dict[str, str]:
        await anyio.to_thread.run_sync(seen.wait, 30)
        return {"type": "http.disconnect"}

    async def main() -> bool:
        return await Lanes().run(Request({"type": "http"}, receive), work, changes=False)

    assert loops.run(main)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"a": [' + b"[]," * MOST_PARTS + b"[]]}", TooLarge),
        (b'{"a": [' + b"1," * (MOST_PARTS + 1) + b"1]}", TooLarge),
        (b'{"a": ' + b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1) + b"}", BadRequest),
        (b'{"a": ' * 600 + b"1" + b"}" * 600, BadRequest),
    ],
)
def test_json_is_not_taken_apart_into_too_much(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_object(body, "it")
    assert parse_object(b'{"a": "' + b"[[{," * 1000 + b'"}', "it")


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Client:
    return Client(server)


@pytest.mark.parametrize("depth", [120, 490, 700, 970, 5000])
def test_deep_documents_are_refused_wherever_they_come(client: Client, depth: int) -> None:
    client.start_run("deep")
    deep = '{"a": ' * depth + "1" + "}" * depth
    stream = f"/files/{client.entity}/{client.project}/deep/file_stream"
    for name in ("wandb-history.jsonl", "wandb-summary.json", "wandb-events.jsonl"):
        body = {"files": {name: {"offset": 0, "content": [deep]}}}
        assert client.post(stream, json=body).status_code == 400, name
    variables = {"project": client.project, "name": "deep", "config": deep}
    assert client.post("/graphql", json={"query": UPSERT, "variables": variables}).status_code == 400
    literal = "[" * depth + "]" * depth
    query = f"{{ project(name: {literal}) {{ id }} }}"
    assert client.post("/graphql", json={"query": query}).status_code == 400
    text = "{method: grid, parameters: {x: {values: " + "[" * depth + "]" * depth + "}}}"
    sweep = {"project": client.project, "config": text}
    assert client.post("/graphql", json={"query": UPSERT_SWEEP, "variables": sweep}).status_code == 400


def test_halves_of_characters_break_no_order(client: Client) -> None:
    client.start_run("half", config='{"lr": {"value": "\\ud800"}}')
    row = '{"_step": 0, "\\ud800": "\\udfff", "x": "\\ud83d\\ude00"}'
    client.stream(
        "half",
        {
            "files": {
                "wandb-summary.json": {"offset": 0, "content": ['{"k": "\\ud800", "\\udfff": 1}']},
                "wandb-history.jsonl": {"offset": 0, "content": [row]},
                "output.log": {"offset": 0, "content": ["\ud800 text"]},
            }
        },
    )
    found = client.run("half")
    assert json.loads(found["summaryMetrics"]) == {"k": "?", "?": 1}
    assert json.loads(found["history"][0]) == {"_step": 0, "?": "?", "x": "\U0001f600"}
    assert [edge["node"]["line"] for edge in found["logLines"]["edges"]] == ["? text"]
    query = """query($project: String) { project(name: $project) {
        runs(order: "-summary_metrics.k") { edges { node { name } } } } }"""
    assert client.graphql(query)["project"]["runs"]["edges"][0]["node"]["name"] == "half"


@pytest.mark.parametrize("digits", [19, 400, 5000])
def test_a_number_of_any_length_leads_nowhere(client: Client, digits: int) -> None:
    for method in ("GET", "PUT", "HEAD", "POST"):
        answer = client.session.request(method, f"{client.server.url}/storage/{'9' * digits}", timeout=30)
        assert answer.status_code in (404, 405, 415), method


def test_names_hold_no_escapes_of_a_terminal(client: Client) -> None:
    answer = client.post(
        "/graphql", json={"query": UPSERT, "variables": {"project": "direct", "name": "a\x1b[31mb"}}
    )
    assert answer.status_code == 400
    query = """mutation($name: String) {
        upsertBucket(input: {
            modelName: "direct", name: "named", displayName: $name, host: $name, tags: ["a\\u001bb"]
        }) { bucket { displayName host tags } }
    }"""
    bucket = client.post("/graphql", json={"query": query, "variables": {"name": "a\x1b]0;x\x07b\nc"}}).json()
    assert bucket["data"]["upsertBucket"]["bucket"] == {
        "displayName": "a ]0;x b c",
        "host": "a ]0;x b c",
        "tags": ["a b"],
    }


def talk(server: ServerProcess, text: bytes) -> socket.socket:
    """A connection on which something was said."""
    found = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    found.sendall(text)
    return found


def test_more_silent_connections_than_there_is_place_for_do_no_harm(own_server: ServerProcess) -> None:
    """Silent from the start, and in mid-request: the oldest give way, and everybody else is answered."""
    assert own_server.process is not None
    own_server.stop()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        own_server.start()
        resource.prlimit(own_server.process.pid, resource.RLIMIT_NOFILE, (400, 400))
        with contextlib.ExitStack() as held:
            for number in range(1000):
                text = (b"", b"POST /graphql HTTP/1.1\r\nHo", b"GET")[number % 3]
                held.callback(talk(own_server, text).close)
                if number % 100 == 99:
                    fresh = requests.post(
                        f"{own_server.url}/graphql",
                        json={"query": "{ viewer { id } }"},
                        auth=("api", own_server.key),
                        timeout=30,
                    )
                    assert fresh.status_code == 200, number
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Clock:
    """A loop's time, in the hands of a test."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now


def connection(**changes: Any) -> Any:
    """A connection as it is between two bytes of a client."""
    found = connections.Connection.__new__(connections.Connection)
    found.last_received, found.begun, found.cycle = 1000.0, None, None
    found.flow = SimpleNamespace(read_paused=False)  # type: ignore[assignment]
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def test_each_kind_of_silence_has_its_limit() -> None:
    done = SimpleNamespace(response_complete=True, more_body=False)
    half = SimpleNamespace(response_complete=False, more_body=True)
    whole = SimpleNamespace(response_complete=False, more_body=False)
    paused = SimpleNamespace(read_paused=True)
    cases = [
        (connection(), connections.SILENCE),
        (connection(cycle=done), connections.SILENCE),
        (connection(begun=1000.0, last_received=1e9), connections.HEAD),
        (connection(cycle=half), connections.PAUSE),
    ]
    for found, limit in cases:
        assert (found.is_overdue(1000 + limit), found.is_overdue(1000 + limit + 1)) == (False, True)
    for busy in (connection(cycle=whole), connection(cycle=half, flow=paused)):
        assert not busy.is_overdue(1e9), "it is for the server to go on"


def test_a_clock_that_is_set_back_keeps_no_point(tmp_path: Path) -> None:
    from metasweep.server.store.points import leases

    database = Database(tmp_path / "db")

    def fill(connection: Any) -> None:
        connection.execute("INSERT INTO projects (entity, name, created_at) VALUES ('e', 'p', '')")
        connection.execute(
            "INSERT INTO runs (project_id, name, display_name, state, username, created_at, updated_at,"
            " heartbeat_at) VALUES (1, 'r', 'r', 'running', 'e', '', '', '2999-01-01T00:00:00Z')"
        )

    database.write(fill)
    database.write(leases.bound_future)
    (found,) = database.read().execute("SELECT heartbeat_at FROM runs").fetchone()
    assert found.startswith("20")
    database.close()
