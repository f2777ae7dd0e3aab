"""Requests that mean nothing, to every field and address: the right code, nothing half written."""

import base64
import gzip
import json
import re
import socket
import sqlite3
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    get_named_type,
    is_leaf_type,
    is_object_type,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from metasweep.server.api.engine import make_schema
from metasweep.server.app import ROUTES
from metasweep.server.body import MAX_BODY
from metasweep.server.store.base import ids
from tests.conftest import ServerProcess, make_server
from tests.server.protocol import Client

SCHEMA = make_schema()
KINDS = (
    "Project",
    "Run",
    "Sweep",
    "Agent",
    "File",
    "Artifact",
    "ArtifactSequence",
    "ArtifactManifest",
    "Cursor",
)
GRID = "{method: grid, program: p.py, parameters: {lr: {values: [1, 2, 3]}}}"
PROJECT, RUN = "direct", "fuzzed"  # they exist: what is asked of them gets beyond the lookup
DEPTHS = {"query": 4, "mutation": 0}  # an answer that asks for nonsense cannot take a mutation back
PATIENCE = 60  # seconds
CODES = (200, 206, 303, 304, 307, 400, 401, 403, 404, 405, 413, 415, 416)
CREATE_FILES = """
mutation($entity: String!, $run: String!, $files: [String!]!) {
  createRunFiles(input: {entityName: $entity, projectName: "direct", runName: $run, files: $files}) {
    files { uploadUrl }
  }
}"""

odd_texts = st.text(max_size=12) | st.sampled_from(
    ["", "\ud800", "\0", "../key", "a/../b", "x" * 5000, "%", "NaN"]
)
names = st.sampled_from(
    [PROJECT, RUN, "latest", "v0", "config.lr", "-created_at", "+summary_metrics.x", "RUNNING"]
)
numbers = st.integers(-3, 5) | st.sampled_from([2**31 - 1, -(2**31)])
long_numbers = numbers | st.sampled_from([2**53, 2**63 - 1, -(2**63), 2**63, 10**30, "7", "1e3", "x", 1.5])
opaque = (
    st.builds(ids.encode, st.sampled_from(KINDS), st.integers(0, 4) | st.just(10**18)) | odd_texts | names
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | odd_texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["lr", "value", "_wandb", "$or", "config.lr", "keys", "state"]), inner
        )
    ),
    max_leaves=6,
)
json_texts = (
    st.builds(json.dumps, json_values) | odd_texts | st.sampled_from(["[" * 5000, '{"a": 1e999}', GRID])
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "String": names | odd_texts | st.just(GRID),
    "ID": opaque,
    "Int": numbers,
    "Float": numbers | st.floats(allow_nan=False, allow_infinity=False),
    "Int64": long_numbers,
    "Boolean": st.booleans(),
    "JSONString": json_texts,
    "JSON": json_values,
    "DateTime": odd_texts,
    "Duration": long_numbers,
}


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of an input type; what may be null is null at times."""
    if isinstance(kind, GraphQLNonNull):
        return required(kind.of_type)
    return st.none() | required(kind)


def required(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, GraphQLList):
        return st.lists(values(kind.of_type), max_size=3)
    if isinstance(kind, GraphQLEnumType):
        return st.sampled_from(sorted(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        needed = {name for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)}
        parts = {name: values(field.type) for name, field in kind.fields.items()}
        return st.fixed_dictionaries(
            {name: parts[name] for name in needed},
            optional={name: part for name, part in parts.items() if name not in needed},
        )
    assert isinstance(kind, GraphQLScalarType)
    return SCALARS[kind.name]


class Request:
    """A GraphQL document in the making, with its variables."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.variables: dict[str, Any] = {}
        self._declared: list[str] = []

    def field(self, name: str, field: GraphQLField, depth: int) -> str:
        """A field with arguments, and with some of what is below it."""
        arguments = []
        for argument, spec in field.args.items():
            if isinstance(spec.type, GraphQLNonNull) or self._draw(st.booleans()):
                variable = f"v{len(self.variables)}"
                self.variables[variable] = self._draw(values(spec.type))
                self._declared.append(f"${variable}: {spec.type}")
                arguments.append(f"{argument}: ${variable}")
        text = name + (f"({', '.join(arguments)})" if arguments else "")
        below = get_named_type(field.type)
        return text if is_leaf_type(below) else f"{text} {{ {self._below(below, depth)} }}"

    def _below(self, kind: Any, depth: int) -> str:
        if not is_object_type(kind):
            return "__typename"
        leaves = {name for name, field in kind.fields.items() if is_leaf_type(get_named_type(field.type))}
        open_fields = sorted(kind.fields if depth else leaves)
        chosen = self._draw(st.sets(st.sampled_from(open_fields), max_size=4)) if open_fields else set()
        if depth and {"edges", "node"} & set(kind.fields):
            chosen |= {"edges", "node"} & set(kind.fields)
        # Aliases: the same field with other arguments is no conflict.
        parts = [
            f"a{depth}{i}: " + self.field(name, kind.fields[name], depth - 1)
            for i, name in enumerate(sorted(chosen))
        ]
        return " ".join(["__typename", *parts])

    def document(self, operation: str, selection: str) -> str:
        """The whole of it."""
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        return f"{operation} Fuzz{declared} {{ {selection} }}"


def root(operation: str) -> Any:
    kind = SCHEMA.query_type if operation == "query" else SCHEMA.mutation_type
    assert kind is not None
    return kind


@st.composite
def requests_of(draw: st.DrawFn, operation: str, name: str) -> dict[str, Any]:
    request = Request(draw)
    document = request.document(
        operation, request.field(name, root(operation).fields[name], DEPTHS[operation])
    )
    return {"query": document, "variables": request.variables}


class Watched:
    """A client that sees whether the server has written anything."""

    def __init__(self, server: ServerProcess) -> None:
        self.server, self.client = server, Client(server)
        self._database = sqlite3.connect(server.data_dir / "metasweep.db")
        self._state: tuple[int, str, set[str]] = (-1, "", set())

    def state(self) -> tuple[int, str, set[str]]:
        """All that is stored: it is read only when there was a commit."""
        (version,) = self._database.execute("PRAGMA data_version").fetchone()
        content = "".join(self._database.iterdump()) if version != self._state[0] else self._state[1]
        blobs = {path.name for path in (self.server.data_dir / "files").glob("*/*")}
        self._state = (version, content, blobs)
        return self._state

    def send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request; whatever is refused must have changed nothing."""
        before = self.state()
        answer = self.client.session.request(
            method, self.server.url + path, timeout=30, allow_redirects=False, **arguments
        )
        assert answer.status_code in CODES, (answer.status_code, answer.text)
        assert self.server.key not in answer.text
        if answer.status_code >= 400:
            assert self.state()[1:] == before[1:], (answer.status_code, answer.text)
        return answer

    def send_half(self, method: str, path: str, headers: str, body: bytes) -> None:
        """Announce more than is sent, and hang up."""
        token = base64.b64encode(f"api:{self.server.key}".encode()).decode()
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {token}\r\n{headers}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=30) as connection:
            connection.sendall(head.encode() + body)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    def wait_for(self, state: tuple[int, str, set[str]]) -> None:
        """All has to become as it was: the server tidies up after a connection is closed."""
        self.client.graphql("{ viewer { id } }")  # what came before has been begun, at least
        deadline = time.monotonic() + PATIENCE
        while self.state()[1:] != state[1:] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert self.state()[1:] == state[1:]

    def close(self) -> None:
        self._database.close()


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    # No lease may run out: then the server itself writes, which is no doing of a request.
    for server in make_server("--lease", "86400"):
        found = Watched(server)
        client = found.client
        client.start_run(RUN, config=json.dumps({"lr": {"value": 1}}))
        row = json.dumps({"_step": 0, "x": 1})
        client.stream(RUN, {"files": {"wandb-history.jsonl": {"offset": 0, "content": [row]}}})
        client.claim(client.agent(client.sweep(GRID)))
        yield found
        found.close()
        server.stop()
        assert "Traceback" not in server.said
        assert server.key not in server.said


FUZZ = settings(max_examples=10, suppress_health_check=list(HealthCheck))
MUCH = settings(FUZZ, max_examples=150)


@pytest.mark.parametrize("operation", ["query", "mutation"])
def test_every_field_with_any_arguments(watched: Watched, operation: str) -> None:
    for name in root(operation).fields:

        @FUZZ
        @given(body=requests_of(operation, name))
        def fuzz(body: dict[str, Any]) -> None:
            watched.send("POST", "/graphql", json=body)

        fuzz()


def test_documents_that_are_too_much(watched: Watched) -> None:
    deep = '{project(name: "direct") ' + "{sweeps{edges{node{project " * 80 + "{id}" + "}}}}" * 80 + "}"
    wide = "{" + " ".join(f"a{i}: viewer {{ id }}" for i in range(9000)) + "}"
    filters = json.dumps({"$or": [{"name": str(number)} for number in range(5000)]})
    runs = 'query($f: JSONString) { project(name: "direct") { runs(filters: $f) { edges { node { id } } } } }'
    files = (
        'query($n: [String]) { project(name: "direct") { run(name: "fuzzed") { fileCount files(names: $n) {'
    )
    files += " totalCount } } } }"
    like = files.replace("$n: [String]", "$p: String").replace("names: $n", "pattern: $p")
    for query, variables in (
        (like, {"p": "%a" * 50_000}),
        (deep, {}),
        (wide, {}),
        (runs, {"f": filters}),
        (files, {"n": [str(number) for number in range(40_000)]}),
    ):
        watched.send("POST", "/graphql", json={"query": query, "variables": variables})


segments = (
    names
    | st.text(max_size=12).filter(lambda text: text.isprintable())
    | st.sampled_from(
        [
            "..",
            ".",
            "%2e%2e",
            "..%2f..%2fkey",
            "%00",
            "%ff",
            "1",
            "2",
            "99999999999999999999",
            "0" * 32,
            "key",
            "x" * 3000,
        ]
    )
)
PATTERNS = sorted({re.sub(r"{\w+(:\w+)?}", "{}", route.path) for route in ROUTES})


@st.composite
def addresses(draw: st.DrawFn) -> str:
    pattern = draw(st.sampled_from(PATTERNS))
    parts = [draw(segments) for _ in range(pattern.count("{}"))]
    path = pattern.format(*(part if "%" in part else quote(part, safe="/") for part in parts))
    return path + draw(
        st.sampled_from(["", "?since=x", "?after=-1&first=99999999999999999999", "?next=//evil"])
    )


@MUCH
@example(path="/storage/99999999999999999999", method="GET", body=b"", zipped=False, headers={})
@example(path="/storage/99999999999999999999", method="PUT", body=b"x", zipped=False, headers={})
@given(
    path=addresses(),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE", "PATCH"]),
    body=st.binary(max_size=100) | st.builds(lambda value: json.dumps(value).encode(), json_values),
    zipped=st.booleans(),
    headers=st.fixed_dictionaries(
        {},
        optional={
            "Accept": st.sampled_from(["text/html", "application/json", "*/*"]),
            "Content-Encoding": st.sampled_from(["gzip", "br", "x"]),
            "Content-Type": st.sampled_from(["application/json", "multipart/form-data", "x"]),
            "If-None-Match": st.sampled_from(["*", "x", '"' * 50]),
            "Range": st.sampled_from(["bytes=0-", "bytes=9-1", "bytes=-5", "x"]),
            "X-Forwarded-Host": st.sampled_from(["evil.example", "a, b", '"<>']),
            "X-Forwarded-Proto": st.sampled_from(["https", "javascript"]),
            "Cookie": st.sampled_from(["metasweep_session=1.x", "metasweep_session=9999999999.", "x"]),
        },
    ),
)
def test_every_address_with_anything(
    watched: Watched, path: str, method: str, body: bytes, zipped: bool, headers: dict[str, str]
) -> None:
    watched.send(method, path, data=gzip.compress(body)[: len(body) + 5] if zipped else body, headers=headers)


@pytest.mark.parametrize(
    "headers",
    ["Content-Length: 500", "Transfer-Encoding: chunked", "Content-Length: 500\r\nContent-Encoding: gzip"],
)
def test_half_sent_requests_write_nothing(watched: Watched, headers: str) -> None:
    client = watched.client
    made = client.graphql(CREATE_FILES, entity=client.entity, run=RUN, files=["half.bin"])
    upload = made["createRunFiles"]["files"][0]["uploadUrl"].removeprefix(watched.server.url)
    whole = json.dumps({"files": {"output.log": {"offset": 0, "content": ["x"]}}}).encode()
    chunk = f"{len(whole):x}\r\n".encode() + whole + b"\r\n"
    before = watched.state()  # once: it may still be at one request when the next one comes
    for method, path in (
        ("POST", f"/files/{client.entity}/{PROJECT}/{RUN}/file_stream"),
        ("POST", "/graphql"),
        ("POST", "/sign-in"),
        ("PUT", upload),
    ):
        watched.send_half(method, path, headers, chunk if "chunked" in headers else whole)
        watched.wait_for(before)
    watched.send_half("PUT", upload, "Content-Length: 10", b"")
    watched.wait_for(before)


def test_bodies_over_the_limit(watched: Watched) -> None:
    stream = f"/files/{watched.client.entity}/{PROJECT}/{RUN}/file_stream"
    bomb = gzip.compress(b" " * (MAX_BODY + 1))
    for path in ("/graphql", stream):
        assert watched.send("POST", path, data=bomb, headers={"Content-Encoding": "gzip"}).status_code == 413
        assert watched.send("POST", path, data=b" " * (MAX_BODY + 1)).status_code == 413
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert watched.send("POST", "/sign-in", data=b"x" * 20_000, headers=form).status_code == 413
