"""A light implementation of the protocol: many agents and runs in one process, faster than the server.

Requests have the shapes of the real client's (heartbeats, UpsertBucket, zipped history streams). Each costs
some 0.1 ms here; the client and its service would need 100 times that.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import uvloop
import yaml

from metasweep.client.queries import (
    CREATE_AGENT,
    HEARTBEAT,
    UPSERT_SWEEP,
    VIEWER,
)

T = TypeVar("T")

UPSERT_RUN = """
mutation UpsertBucket($name: String, $project: String, $entity: String, $groupName: String, $host: String,
                      $config: JSONString, $program: String, $sweep: String, $tags: [String!]) {
  upsertBucket(input: {
    name: $name, modelName: $project, entityName: $entity, groupName: $groupName, host: $host,
    config: $config, jobProgram: $program, sweep: $sweep, tags: $tags
  }) {
    bucket { id name displayName description config sweepName historyLineCount
             project { id name entity { id name } } }
    inserted
  }
}"""


class Broken(Exception):
    """The server refused, or closed the connection."""


class Line:
    """One agent's or run's connection, kept alive; one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str) -> None:
        self._reader, self._writer, self._head = reader, writer, head

    @classmethod
    async def open(cls, environment: Mapping[str, str]) -> Line:
        """Connect to the server that a client's environment names."""
        url = urlsplit(environment["WANDB_BASE_URL"])
        key = base64.b64encode(f"api:{environment['WANDB_API_KEY']}".encode()).decode()
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        return cls(reader, writer, f"Host: {url.netloc}\r\nAuthorization: Basic {key}\r\n")

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()

    async def post(self, path: str, body: bytes, zipped: bool = False) -> Any:
        """Send JSON, return the JSON of the answer. Raises: Broken."""
        coding = "Content-Encoding: gzip\r\n" if zipped else ""
        head = f"POST {path} HTTP/1.1\r\n{self._head}{coding}Content-Type: application/json\r\n"
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status, _, rest = answer.partition(b"\r\n")
        fields = dict(field.split(b": ", 1) for field in rest.lower().split(b"\r\n") if field)
        text = await self._reader.readexactly(int(fields[b"content-length"]))
        if status.split(b" ")[1] != b"200":
            raise Broken(f"{status.decode()}: {text[:200].decode()}")
        return json.loads(text)

    async def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run a document; return its data."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        return (await self.post("/graphql", body))["data"]


class Speaker:
    """The requests of agents and runs in one project, on a connection of its own."""

    def __init__(self, line: Line, entity: str, project: str) -> None:
        self.line, self.entity, self.project = line, entity, project

    @classmethod
    async def open(cls, environment: Mapping[str, str], project: str) -> Speaker:
        """Connect, and ask for the user as every client does."""
        line = await Line.open(environment)
        return cls(line, (await line.graphql(VIEWER))["viewer"]["entity"], project)

    async def make_sweep(self, config: Mapping[str, Any]) -> str:
        """Create a sweep; return its id."""
        where = {"entityName": self.entity, "projectName": self.project}
        made = await self.line.graphql(UPSERT_SWEEP, config=yaml.safe_dump(dict(config)), **where)
        return made["upsertSweep"]["sweep"]["name"]

    async def register(self, sweep: str) -> str:
        """Register an agent; return its id."""
        where = {"entityName": self.entity, "projectName": self.project}
        made = await self.line.graphql(CREATE_AGENT, host="bench", sweep=sweep, **where)
        return made["createAgent"]["agent"]["id"]

    async def beat(self, agent: str, *running: str) -> list[dict[str, Any]]:
        """An agent's heartbeat with its running runs; return the commands. With no run, it is a claim."""
        state = json.dumps(dict.fromkeys(running, True))
        reply = await self.line.graphql(HEARTBEAT, id=agent, metrics="{}", runState=state)
        return json.loads(reply["agentHeartbeat"]["commands"])

    async def begin(self, run: str, config: Mapping[str, Any], sweep: str | None = None) -> None:
        """Send what `wandb.init` sends."""
        wrapped = {name: {"value": value} for name, value in config.items()}
        wrapped["_wandb"] = {"value": {"t": {"1": [1], "3": [13, 16]}, "cli_version": "0.31.0"}}
        await self.line.graphql(
            UPSERT_RUN,
            name=run,
            entity=self.entity,
            project=self.project,
            config=json.dumps(wrapped),
            sweep=sweep,
            program="train",
            host="bench",
        )

    async def stream(self, run: str, body: bytes) -> bool:
        """Send one zipped piece of a run's stream; return whether the run should stop."""
        path = f"/files/{self.entity}/{self.project}/{run}/file_stream"
        return (await self.line.post(path, body, zipped=True))["stopped"]


def point_of(command: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a run that was handed out."""
    return {name: entry["value"] for name, entry in command["args"].items()}


def piece(rows: Sequence[Mapping[str, Any]], offset: int, end: bool = False) -> bytes:
    """One request of a stream, zipped: rows from line `offset` on, the last as summary; `end` finishes."""
    body: dict[str, Any] = {}
    if rows:
        content = [json.dumps(row) for row in rows]
        body["files"] = {
            "wandb-history.jsonl": {"offset": offset, "content": content},
            "wandb-summary.json": {"offset": 0, "content": content[-1:]},
        }
    if end:
        body |= {"complete": True, "exitcode": 0}
    return gzip.compress(json.dumps(body).encode(), compresslevel=1)


def run_load(load: Coroutine[Any, Any, T]) -> T:
    """Run a load to its end on the fast event loop."""
    return uvloop.run(load)
