"""What must survive: the server killed in mid-run, wrong keys, and requests that make no sense."""

import base64
import contextlib
import gzip
import json
import sqlite3
import subprocess
import textwrap
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests
import wandb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ServerProcess
from tests.server.protocol import RUN, UPSERT, Client
from tests.waiting import wait_until

PROGRAM = """
import sys, time, wandb
settings = wandb.Settings(x_file_stream_transmit_interval=1)  # whole seconds: less is taken for 15
with wandb.init(project="killed", id="survivor", settings=settings) as run:
    for step in range(100):
        if step == 60:
            sys.stdin.readline()  # the server is gone
        run.log({"loss": 1 / (step + 1)})
        print("step", step, flush=True)
        time.sleep(0.02)
"""


def test_a_server_killed_in_mid_run_loses_and_repeats_nothing(own_server: ServerProcess) -> None:
    (own_server.home / "program.py").write_text(textwrap.dedent(PROGRAM))
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    run = subprocess.Popen(["python", "program.py"], cwd=own_server.home, env=own_server.env, **pipes)
    assert run.stdin
    assert run.stdout
    assert run.stdout.readline() == b"step 0\n"
    wait_until(lambda: Client(own_server, "killed").run("survivor")["history"])
    acknowledged = len(Client(own_server, "killed").run("survivor")["history"])
    own_server.kill()
    run.stdin.write(b"\n")
    run.stdin.close()
    while run.stdout.readline() != b"step 99\n":
        assert run.poll() is None
    own_server.start()
    assert len(Client(own_server, "killed").run("survivor")["history"]) >= acknowledged
    run.stdout.read()
    assert run.wait(timeout=240) == 0
    found = Client(own_server, "killed").run("survivor")
    rows = [json.loads(text) for text in found["history"]]
    assert 0 < acknowledged < 100, "it was killed in mid-run"
    assert [row["_step"] for row in rows] == list(range(100))
    assert [row["loss"] for row in rows] == [1 / (step + 1) for step in range(100)]
    assert found["state"] == "finished"
    printed = [edge["node"]["line"] for edge in found["logLines"]["edges"]]
    assert [line for line in printed if line.startswith("step ")] == [f"step {i}" for i in range(100)]


def fragments(levels: int, width: int) -> str:
    """A short document that asks for width ** levels lists."""
    spread = " ".join(f"a{i}: runs {{ edges {{ node {{ project {{ ...F%d }} }} }} }}" for i in range(width))
    parts = [f"fragment F{i} on Project {{ {spread.replace('%d', str(i + 1))} }}" for i in range(levels)]
    return "\n".join(["{ project { ...F0 } }", *parts, f"fragment F{levels} on Project {{ id }}"])


HOSTILE = {
    "the same field": ("{ " + "viewer { id } " * 4000 + "}", "over 2000 fields"),
    "aliases": ("{ " + " ".join(f"a{i}: viewer {{ id }}" for i in range(2000)) + " }", "over 2000 fields"),
    "spreads": ("{ viewer { " + "...A " * 3000 + "} } fragment A on User { id }", "over 2000 fields"),
    "unused fragments": (
        "{ viewer { id } } " + " ".join(f"fragment A{i} on User {{ id }}" for i in range(2001)),
        "over 2000 fields",
    ),
    "fragments in fragments": (fragments(30, 2), "over 2000 fields"),
    "very many of them": (fragments(300, 3), "nested"),
    "a fragment in itself": ("{ viewer { ...A } } fragment A on User { id ...A }", "itself"),
    "deep": ("{ project " + "{ run { project " * 20 + "{ id }" + " } }" * 20 + " }", "nested"),
    "deeper than the parser": ("{ project " * 3000 + "{ id }" + " }" * 3000, "nested"),
    "many lists": (
        '{ project(name: "crowded") { '
        + " ".join(f"a{i}: runs {{ edges {{ node {{ id }} }} }}" for i in range(400))
        + " } }",
        "too many rows",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_queries_that_would_tie_the_server_up_are_refused(server: ServerProcess, name: str) -> None:
    client = Client(server, "crowded")
    for number in range(10):
        client.start_run(f"run{number}")
    query, said = HOSTILE[name]
    answer = client.post("/graphql", json={"query": query})
    assert answer.status_code == 400, answer.text[:300]
    assert said in answer.json()["error"]


CREATE_FILES = """
mutation($entity: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: "direct", runName: "guarded", files: $files}) {
    files { uploadUrl }
  }
}"""
WRONG_KEYS = ["", "0" * 40, "é", "x" * 1000]


def addresses(server: ServerProcess, path: str) -> list[tuple[str, str]]:
    """Every kind of request, as (method, URL)."""
    api = [
        ("POST", "/graphql"),
        ("POST", "/files/e/p/r/file_stream"),
        ("GET", "/"),
        ("GET", "/artifacts/e/00"),
    ]
    return [(method, server.url + url) for method, url in api] + [("GET", path), ("PUT", path)]


def test_every_request_needs_the_key(server: ServerProcess) -> None:
    client = Client(server)
    client.start_run("guarded")
    made = client.graphql(CREATE_FILES, entity=client.entity, files=["a.txt"])
    upload = made["createRunFiles"]["files"][0]["uploadUrl"]
    path = upload.partition("?")[0]

    def refused(value: str | bytes, method: str, url: str) -> None:
        answer = requests.request(method, url, headers={"Authorization": value}, data=b"{}", timeout=30)
        assert answer.status_code == 401, (method, url, value)
        assert server.key not in answer.text

    done: list[Future[None]] = []
    with ThreadPoolExecutor(50) as pool:  # wrong keys wait for their answers
        for key in (*WRONG_KEYS, server.key[:-1], server.key + "0"):
            basic = "Basic " + base64.b64encode(f"api:{key}".encode()).decode()
            for value in (basic, f"Bearer {key}".encode(), "Basic !", ""):
                done += [pool.submit(refused, value, *address) for address in addresses(server, path)]
        for one in done:
            one.result()
    forged = [upload.replace("signature=", "signature=0"), upload[:-1]]
    assert [requests.put(url, data=b"x", timeout=10).status_code for url in forged] == [401, 401]
    assert requests.get(upload, timeout=10).status_code == 401, "a URL to put does not allow to get"
    assert requests.put(upload, data=b"content", timeout=10).status_code == 200
    assert client.session.get(path, timeout=10).content == b"content"


def test_a_wrong_key_is_named_by_the_client(server: ServerProcess) -> None:
    program = "import wandb; wandb.init(project='p', settings=wandb.Settings(init_timeout=20))"
    found = server.run("python", "-c", program, WANDB_API_KEY="0" * 40, WANDB_SILENT="false")
    assert found.returncode != 0
    assert "401" in found.stderr or "credentials" in found.stderr.lower(), found.stderr


numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20) | st.sampled_from(["\ud800", "\0", "NaN", "[" * 2000])
scalars = st.none() | st.booleans() | numbers | texts
nonsense = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
lines = st.lists(st.text(max_size=30) | st.builds(json.dumps, nonsense))
part = st.fixed_dictionaries({}, optional={"offset": nonsense, "content": nonsense | lines})
STREAMS = ["wandb-history.jsonl", "wandb-events.jsonl", "wandb-summary.json", "output.log", "x"]
stream_bodies = st.fixed_dictionaries(
    {},
    optional={
        "files": st.dictionaries(
            st.sampled_from(STREAMS),
            part | nonsense,
            max_size=3,
        )
        | nonsense,
        "complete": nonsense,
        "exitcode": nonsense,
        "preempting": nonsense,
        "uploaded": nonsense,
    },
)
graphql_bodies = st.fixed_dictionaries(
    {},
    optional={
        "query": st.sampled_from(
            [UPSERT, RUN, "{", "{ viewer { id } }", "mutation { nothing }", "{ a: " * 500]
        )
        | nonsense,
        "variables": st.dictionaries(
            st.sampled_from(["name", "project", "config", "sweep", "state", "id"]), nonsense, max_size=6
        )
        | nonsense,
        "operationName": nonsense,
    },
)
PATHS = ["/graphql", "/files/e/p/r/file_stream", "/storage/1", "/storage/x", "/../key", "/artifacts/e/zz"]
FUZZ = settings(max_examples=60, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Client:
    return Client(server)


def never_a_crash(answer: requests.Response) -> None:
    assert answer.status_code < 500, (answer.status_code, answer.text)
    assert answer.status_code in (200, 400, 404, 405, 413), answer.text


@FUZZ
@given(body=stream_bodies)
def test_nonsense_to_the_stream(client: Client, body: dict[str, Any]) -> None:
    client.start_run("fuzzed")
    never_a_crash(client.post(f"/files/{client.entity}/direct/fuzzed/file_stream", json=body))
    assert client.run("fuzzed")["name"] == "fuzzed"


@FUZZ
@given(body=graphql_bodies)
def test_nonsense_to_graphql(client: Client, body: dict[str, Any]) -> None:
    never_a_crash(client.post("/graphql", json=body))


UPSERT = """mutation ($config: JSONString) {
    upsertBucket(input: {modelName: "direct", config: $config}) { bucket { id } }
}"""
HISTORY = """query ($entity: String, $step: Int64) {
    project(name: "direct", entityName: $entity) { run(name: "typed") { history(minStep: $step) } }
}"""


@pytest.mark.parametrize("value", [[], {}, 3, 1.5, True])
def test_json_is_a_string(client: Client, value: object) -> None:
    answer = client.post("/graphql", json={"query": UPSERT, "variables": {"config": value}})
    assert (answer.status_code, "a string of JSON is needed" in answer.text) == (400, True)
    literal = UPSERT.replace("($config: JSONString)", "").replace("$config", json.dumps(value))
    answer = client.post("/graphql", json={"query": literal})
    assert (answer.status_code, "a string of JSON is needed" in answer.text) == (400, True)


@pytest.mark.parametrize(("step", "code"), [("7", 200), (7, 200), ("x", 400), ([], 400), (2**63, 400)])
def test_an_integer_of_64_bits_is_one(client: Client, step: object, code: int) -> None:
    client.start_run("typed")
    variables = {"entity": client.entity, "step": step}
    assert client.post("/graphql", json={"query": HISTORY, "variables": variables}).status_code == code


@FUZZ
@given(
    path=st.sampled_from(PATHS),
    body=st.binary(max_size=200),
    encoding=st.sampled_from([None, "gzip"]),
    method=st.sampled_from(["POST", "PUT", "GET", "DELETE"]),
)
def test_bytes_to_every_address(
    client: Client, path: str, body: bytes, encoding: str | None, method: str
) -> None:
    headers = {"Content-Encoding": encoding} if encoding else {}
    never_a_crash(
        client.session.request(method, client.server.url + path, data=body, headers=headers, timeout=10)
    )


def test_zipped_bodies(client: Client) -> None:
    body = gzip.compress(json.dumps({"query": "{ viewer { entity } }"}).encode())
    headers = {"Content-Encoding": "gzip"}
    assert client.post("/graphql", data=body, headers=headers).status_code == 200
    assert client.post("/graphql", data=body[:-9], headers=headers).status_code == 400
    bomb = gzip.compress(b" " * (65 * 1024 * 1024))
    assert client.post("/graphql", data=bomb, headers=headers).status_code == 413


@pytest.mark.parametrize("name", ["../key", "/etc/passwd", "a/../../b", "", "a\\b", "a\0b", "x" * 2000])
def test_file_names_cannot_climb_out(client: Client, name: str) -> None:
    client.start_run("guarded")
    (file,) = client.graphql(CREATE_FILES, entity=client.entity, files=[name])["createRunFiles"]["files"]
    folder = client.server.data_dir / "files"
    before = set(folder.rglob("*"))
    assert requests.put(file["uploadUrl"], data=b"x", timeout=30).status_code == 200
    added = {path for path in set(folder.rglob("*")) - before if path.is_file()}
    assert [len(path.name) for path in added] == [32], "a random name in the folder of files"


def test_unknown_things_are_not_found(
    server: ServerProcess, client_env: dict[str, str], client: Client
) -> None:
    assert client_env["WANDB_BASE_URL"] == server.url
    client.start_run("known")
    with pytest.raises(wandb.errors.CommError, match="not find"):
        wandb.Api().run("direct/unknown")
    with pytest.raises(wandb.errors.CommError, match="not find"):
        wandb.Api().sweep("direct/unknown")
    answer = client.post(
        "/graphql", json={"query": 'mutation { agentHeartbeat(input: {id: "x"}) { commands } }'}
    )
    assert answer.status_code == 404


def test_a_mistake_of_our_own_is_logged_and_not_tried_again(own_server: ServerProcess) -> None:
    """A statement that SQLite refuses, which clients would repeat for days if it got a 503."""
    client = Client(own_server)
    client.start_run("r")
    with contextlib.closing(sqlite3.connect(own_server.data_dir / "metasweep.db")) as database:
        database.execute("DROP TABLE history")
    row = json.dumps({"_step": 0})
    body = {"files": {"wandb-history.jsonl": {"offset": 0, "content": [row]}}}
    answer = client.post(f"/files/{client.entity}/{client.project}/r/file_stream", json=body)
    assert (answer.status_code, "a fault of this server" in answer.text) == (501, True)
    own_server.stop()
    assert "no such table: history" in own_server.said
    assert "Traceback" in own_server.said
