"""`python -m tests.server.fuzz NUMBER [SEED]`: mutated requests, straight to the application; none may fail.

The requests that clients send, with values, names, bytes, headers and methods exchanged for what breaks
things. What gets a 500 is printed with its seed, which makes the same request again.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from unittest.mock import patch

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
)
from starlette.applications import Starlette

from metasweep.server.access import guesses
from metasweep.server.access.keys import Keyring
from metasweep.server.app import make_app, open_server
from metasweep.server.context import Settings
from metasweep.server.store.base import ids

NASTY: list[Any] = [
    *(None, True, 0, -1, 1, 2**31, 2**53, 2**63, -(2**63), 10**30, 10**400, 0.5, 1e308),
    *(float("nan"), float("inf"), "", " ", "\0", "\ud800", "\x1b[2J", "a\r\nb", "x" * 5000, "../key", ".."),
    *(
        "%00",
        "null",
        "NaN",
        "[" * 3000,
        '{"a": 1e999}',
        '{"a": ' * 200 + "1" + "}" * 200,
        "&a [*a]",
        "[]",
        "{}",
    ),
    *([], {}, [[]], {"value": {}}, {"": None}, ["a", None], {"_type": "image-file", "path": 7}),
    *({"$or": [{}]}, {"$regex": "(a?){999}"}, "text/html\r\nX: y", "2026-01-01T00:00:00Z", "9" * 5000),
    *("-summary_metrics.\ud800", "+config.lr", "é", "😀", "{method: grid}"),
]
KINDS = (
    "Project",
    "Run",
    "Sweep",
    "Agent",
    "File",
    "Artifact",
    "ArtifactSequence",
    "ArtifactCollection",
    "User",
)
WORDS = [
    "p",
    "r",
    "s",
    "latest",
    "v0",
    "running",
    "finished",
    "RUNNING",
    "config.lr",
    "summary_metrics.x",
    "model",
    "_step",
    "_timestamp",
]
GRID = "{method: grid, program: p.py, parameters: {lr: {values: [1, 2, 3]}}}"
BANDS = (
    "{method: random, metric: {name: x}, parameters: {a: {min: 0, max: 1}},"
    " early_terminate: {type: hyperband, min_iter: 1}}"
)
PATHS = """
    / /data /authorize /sign-in /sign-out /p /e/p /e/p/data /e/p/workspace /e/p/sweeps /e/p/sweeps/s
    /e/p/sweeps/s/data /e/p/runs/r /e/p/runs/r/data /e/p/runs/r/log /e/p/runs/r/files/config.yaml /storage/1
    /storage/2 /artifacts/e/00 /artifactsV2/a/b/00/c /sdk/otel/v1/traces /static/page/x/y.js
    /files/e/p/r/file_stream /graphql /no/such/place/at/all
""".split()  # noqa: SIM905 - to be read as a list of words
STREAMS = ("wandb-history.jsonl", "wandb-events.jsonl", "output.log", "wandb-summary.json")
HEADERS = """
    accept accept-encoding authorization content-encoding content-type cookie if-none-match range origin host
    x-forwarded-host sec-fetch-site x-metasweep-write
""".split()  # noqa: SIM905
SWEEP = 'mutation($text: String) { upsertSweep(input: {projectName: "p", config: $text}) { sweep { id } } }'
RUN = 'mutation { upsertBucket(input: {modelName: "p", name: "r", config: "{}"}) { bucket { id } } }'
FILE = """mutation {
    createRunFiles(input: {entityName: "e", projectName: "p", runName: "r", files: ["a"]}) { files { name } }
}"""


class Fuzz:
    """A server in this process, and what asks it."""

    def __init__(self, folder: Path) -> None:
        server = open_server(Settings(folder, entity="e"))
        self.keys = Keyring(folder)
        self.app: Starlette = make_app(server, self.keys, behind_proxy=True, at_end=lambda: None)
        self.schema = self.app.state.engine.schema
        self.server = server
        token = base64.b64encode(f"api:{(folder / 'key').read_text().strip()}".encode())
        self.basic = b"Basic " + token

    async def prepare(self) -> None:
        """What requests are about, so that they get beyond the look-up."""
        for document, text in ((RUN, ""), (SWEEP, GRID), (SWEEP, BANDS), (FILE, "")):
            variables = {"text": text} if text else {}
            body = json.dumps({"query": document, "variables": variables}).encode()
            assert await self.send("POST", "/graphql", body, {}) == 200, document

    async def send(self, method: str, path: str, body: bytes, headers: dict[str, bytes]) -> int:
        """The status of the answer to a request."""
        target, _, query = path.partition("?")
        sent = {b"host": b"x", b"authorization": self.basic, b"content-type": b"application/json"}
        sent |= {name.encode(): value for name, value in headers.items()}
        sent[b"content-length"] = str(len(body)).encode()
        scope = {
            **{"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http"},
            **{
                "method": method,
                "path": target,
                "raw_path": target.encode(errors="replace"),
                "root_path": "",
            },
            **{
                "query_string": query.encode(errors="replace"),
                "client": ("10.0.0.1", 1),
                "server": ("x", 80),
            },
            **{"headers": [(name, value) for name, value in sent.items() if value], "state": {}},
        }
        parts, gone = [body], asyncio.Event()
        status = 0

        async def receive() -> dict[str, Any]:
            if parts:
                return {"type": "http.request", "body": parts.pop(), "more_body": False}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                for name, value in message["headers"]:
                    assert not set(name + value) & set(b"\r\n"), "a header is broken"

        try:
            await self.app(scope, receive, send)
        finally:
            gone.set()
        return status

    def request(self, draw: random.Random) -> tuple[str, str, bytes, dict[str, bytes]]:
        """A request to be sent."""
        kind = draw.random()
        if kind < 0.6:
            method, path, value = "POST", "/graphql", self.document(draw)
        elif kind < 0.8:
            method, path, value = "POST", "/files/e/p/r/file_stream", self.chunk(draw)
        else:
            method, path, value = draw.choice(["GET", "GET", "POST", "PUT", "HEAD"]), draw.choice(PATHS), None
        body = json.dumps(value).encode() if value is not None else draw.randbytes(draw.randrange(50))
        headers: dict[str, bytes] = {}
        if draw.random() < 0.05 and body:
            at = draw.randrange(len(body))
            body = body[:at] + draw.randbytes(draw.randrange(4)) + body[at + draw.randrange(3) :]
        if draw.random() < 0.1:
            headers[draw.choice(HEADERS)] = (
                str(self.nasty(draw)).encode(errors="replace")[:200].replace(b"\r", b"").replace(b"\n", b"")
            )
        if draw.random() < 0.05:
            headers["content-encoding"] = b"gzip"
            body = gzip.compress(body, 1) if draw.random() < 0.5 else body
        if draw.random() < 0.1:
            path += draw.choice(
                ["?x=1", "?signature=x", "?next=//e", "?\ud800", "/../key", "/\0", "/" + "9" * 5000]
            )
        if draw.random() < 0.05:
            method = draw.choice(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "X"])
        if path.startswith("/sign-") and draw.random() < 0.8:
            headers["content-type"], body = b"application/x-www-form-urlencoded", b"key=x&next=" + body[:20]
        return method, path, body, headers

    def nasty(self, draw: random.Random) -> Any:
        """A value that breaks things."""
        return draw.choice(NASTY)

    def chunk(self, draw: random.Random) -> dict[str, Any]:
        """A request of a run's stream, with something wrong in it."""
        row: dict[str, Any] = {
            "_step": draw.randrange(10),
            "x": draw.random(),
            draw.choice(WORDS): self.nasty(draw),
        }
        files: dict[str, Any] = {}
        for name in draw.sample(STREAMS, draw.randrange(1, 4)):
            content: Any = [
                json.dumps(row),
                draw.choice([json.dumps({"k": self.nasty(draw)}), json.dumps(row)]),
            ]
            files[name] = {"offset": draw.randrange(5), "content": content}
        body = {"files": files, "complete": draw.random() < 0.05, "exitcode": 0}
        if draw.random() < 0.4:
            where: Any = draw.choice([body, files, *files.values()])
            where[draw.choice(list(where))] = self.nasty(draw)
        return body

    def document(self, draw: random.Random) -> dict[str, Any]:
        """A GraphQL document of one field of the schema, and values that fit it more or less."""
        operation, root = draw.choice(
            [("query", self.schema.query_type), ("mutation", self.schema.mutation_type)]
        )
        name = draw.choice(list(root.fields))
        variables: dict[str, Any] = {}
        declared: list[str] = []
        text = self.field(
            draw, name, root.fields[name], 3 if operation == "query" else 1, variables, declared
        )
        heading = f"({', '.join(declared)})" if declared else ""
        body: dict[str, Any] = {"query": f"{operation} Fuzz{heading} {{ {text} }}", "variables": variables}
        if draw.random() < 0.02:
            body[draw.choice(["query", "variables", "operationName"])] = self.nasty(draw)
        return body

    def field(
        self,
        draw: random.Random,
        name: str,
        field: Any,
        depth: int,
        variables: dict[str, Any],
        declared: list[str],
    ) -> str:
        """A field with some of its arguments and some of what is below it."""
        arguments = []
        for argument, spec in field.args.items():
            if isinstance(spec.type, GraphQLNonNull) or draw.random() < 0.5:
                variable = f"v{len(variables)}"
                variables[variable] = self.value(draw, spec.type, argument)
                declared.append(f"${variable}: {spec.type}")
                arguments.append(f"{argument}: ${variable}")
        text = name + (f"({', '.join(arguments)})" if arguments else "")
        below = get_named_type(field.type)
        if is_leaf_type(below):
            return text
        parts = ["__typename"]
        fields = getattr(below, "fields", {})
        chosen = [each for each in fields if each in ("edges", "node")] if depth else []
        chosen += draw.sample(list(fields), min(len(fields), draw.randrange(4)))
        for i, each in enumerate(dict.fromkeys(chosen)):
            if depth or is_leaf_type(get_named_type(fields[each].type)):
                parts.append(
                    f"a{depth}{i}: "
                    + self.field(draw, each, fields[each], max(0, depth - 1), variables, declared)
                )
        return f"{text} {{ {' '.join(parts)} }}"

    def value(self, draw: random.Random, kind: Any, name: str) -> Any:
        """A value of an input type; now and then anything."""
        if draw.random() < 0.08:
            return self.nasty(draw)
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        elif draw.random() < 0.2:
            return None
        if isinstance(kind, GraphQLList):
            return [self.value(draw, kind.of_type, name) for _ in range(draw.randrange(3))]
        if isinstance(kind, GraphQLEnumType):
            return draw.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            needed = [
                each
                for each in kind.fields
                if isinstance(kind.fields[each].type, GraphQLNonNull) or draw.random() < 0.4
            ]
            return {each: self.value(draw, kind.fields[each].type, each) for each in needed}
        return self.scalar(draw, kind.name, name)

    def scalar(self, draw: random.Random, kind: str, name: str) -> Any:
        """A value of a scalar, of a kind that the name lets expect."""
        if kind == "ID" or name.endswith("ID"):
            return (
                ids.encode(draw.choice(KINDS), draw.randrange(5)) if draw.random() < 0.8 else self.nasty(draw)
            )
        if kind == "Boolean":
            return draw.random() < 0.5
        if kind in ("Int", "Int64", "Float"):
            return draw.choice([0, 1, 2, -1, 2**31 - 1, 100])
        if kind in ("JSONString", "JSON"):
            value = {draw.choice(WORDS): self.nasty(draw), draw.choice(WORDS): {"value": self.nasty(draw)}}
            return json.dumps(value) if kind == "JSONString" else value
        if name == "config":
            return draw.choice(
                [
                    GRID,
                    BANDS,
                    str(self.nasty(draw)),
                    f"{{method: grid, parameters: {{x: {{values: [{draw.random()}]}}}}}}",
                ]
            )
        usual = {
            "entityName": "e",
            "entity": "e",
            "projectName": "p",
            "modelName": "p",
            "runName": "r",
            "project": "p",
        }
        if name in usual and draw.random() < 0.9:
            return usual[name]
        return draw.choice([draw.choice(WORDS), str(self.nasty(draw))])


async def run(number: int, seed: int) -> Counter[int]:
    """The statuses of so many answers; prints what got a 500 or an exception."""
    found: Counter[int] = Counter()
    no_wait = patch.object(guesses, "WAIT", 0.0)  # wrong keys are among what is sent
    with no_wait, tempfile.TemporaryDirectory(prefix="metasweep-fuzz-") as name:
        folder = Path(name)
        fuzz = Fuzz(folder)
        await fuzz.prepare()
        begun = time.monotonic()
        for count in range(number):
            draw = random.Random(f"{seed}/{count}")
            method, path, body, headers = fuzz.request(draw)
            try:
                status = await fuzz.send(method, path, body, headers)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                status = 500
                print(f"{type(error).__name__}: {str(error)[:200]}", flush=True)
            found[status] += 1
            if status >= 500:
                print(status, f"{seed}/{count}", method, ascii(path[:80]), headers, body[:600], flush=True)
            if count % 10_000 == 9_999:
                print(
                    f"{count + 1} in {time.monotonic() - begun:.0f} s: {dict(sorted(found.items()))}",
                    flush=True,
                )
        fuzz.server.database.close()
    return found


if __name__ == "__main__":
    statuses = asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
    print(dict(sorted(statuses.items())))
    sys.exit(any(status >= 500 for status in statuses))
