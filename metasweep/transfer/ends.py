"""The two ends of a copy: the server that is read, and the one that is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from metasweep.client.protocol import Client, SweepName, gone
from metasweep.client.transport import Refused
from metasweep.sweeps.states import ENDED, FINISHED
from metasweep.transfer import queries

RUNS_A_PAGE, FILES_A_PAGE, SWEEPS_A_PAGE = 200, 500, 100
STEPS_A_PAGE = 5_000  # steps per page of a history that is read
ROWS_A_REQUEST = 2_000  # rows per request of a history that is written; W&B accepts 10 MB


@dataclass(frozen=True)
class File:
    """A file of a run."""

    name: str
    url: str
    size: int


@dataclass(frozen=True)
class Run:
    """A run as its server describes it; `node` is the answer of `queries.RUNS`."""

    node: dict[str, Any]

    @property
    def name(self) -> str:
        """The run's id, the same on both servers."""
        return self.node["name"]

    @property
    def state(self) -> str:
        """One of `sweeps.states`."""
        return self.node["state"]

    @property
    def has_ended(self) -> bool:
        """Return whether nothing can be added to it."""
        return self.state in ENDED

    @property
    def rows(self) -> int:
        """The number of rows in its history."""
        return self.node["historyLineCount"] or 0

    @property
    def last_step(self) -> int:
        """The largest step of its history."""
        keys = self.node["historyKeys"] or {}
        keys = json.loads(keys) if isinstance(keys, str) else keys
        return int(keys.get("lastStep", -1) or 0)


class End(Client):
    """What can be read at both ends."""

    def pages(self, query: str, where: str, variables: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the nodes of a connection, page after page; `where` is its path below `project`."""
        cursor, more = None, True
        while more:
            found = self.send_until_answered(query, variables | {"cursor": cursor})["project"]
            for part in where.split("."):
                found = (found or {}).get(part)
            if not found:
                return
            yield from (edge["node"] for edge in found["edges"])
            cursor, more = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]

    def runs_of(self, sweep: SweepName) -> Iterator[Run]:
        """Yield all runs of a sweep, in the order of their creation."""
        filters = json.dumps({"$and": [{"sweep": sweep.id}]})
        where = {"project": sweep.project, "entity": sweep.entity, "perPage": RUNS_A_PAGE, "filters": filters}
        yield from map(Run, self.pages(queries.RUNS, "runs", where))

    def files_of(self, sweep: SweepName, run: str) -> dict[str, File]:
        """Return the files of a run, by name."""
        where = {"project": sweep.project, "entity": sweep.entity, "name": run, "perPage": FILES_A_PAGE}
        nodes = self.pages(queries.FILES, "run.files", where)
        return {node["name"]: File(node["name"], node["url"], int(node["sizeBytes"] or 0)) for node in nodes}

    def fetch(self, method: str, url: str, **content: Any) -> bytes:
        """Send a request until it is answered. Raises: Refused."""
        reply = self.until_answered(lambda: self.request(method, url, **content))
        if reply.status_code >= 400:
            raise Refused(reply.text[:200] or f"HTTP {reply.status_code}", reply.status_code)
        return reply.content


class Source(End):
    """The server that has the sweep."""

    def sweep(self, name: SweepName) -> dict[str, Any]:
        """Return the sweep. Raises: Refused, with 404, if there is none."""
        where = {"name": name.id, "project": name.project, "entity": name.entity}
        found = self.send_until_answered(queries.SWEEP, where)["project"]
        return (found and found["sweep"]) or gone(name)

    def history(self, sweep: SweepName, run: Run) -> Iterator[list[str]]:
        """Yield the rows of a history as they were logged, in pages."""
        where = {"entity": sweep.entity, "project": sweep.project, "run": run.name, "pageSize": STEPS_A_PAGE}
        for first in range(0, run.last_step + 1, STEPS_A_PAGE):
            window = {"minStep": first, "maxStep": min(first + STEPS_A_PAGE, run.last_step + 1)}
            found = self.send_until_answered(queries.HISTORY, where | window)["project"]["run"]
            yield found["history"] if found else []

    def download(self, file: File) -> bytes:
        """Return the content of a file. Raises: Refused."""
        return self.fetch("GET", file.url)


class Destination(End):
    """The server that gets the copy."""

    def find_copy(self, source: SweepName, entity: str, project: str) -> SweepName | None:
        """Return the sweep that an earlier copy of `source` made, if there is one."""
        where = {"project": project, "entity": entity, "perPage": SWEEPS_A_PAGE}
        for node in self.pages(queries.SWEEPS, "sweeps", where):
            if mark(source) in (node["description"] or ""):
                return SweepName(entity, project, node["name"])
        return None

    def make_copy(self, source: SweepName, sweep: dict[str, Any], entity: str, project: str) -> SweepName:
        """Create a sweep like `sweep` that names its original and hands out no runs."""
        description = "\n".join(filter(None, [sweep["description"], mark(source)]))
        fields = {"config": sweep["config"], "description": description, "displayName": sweep["displayName"]}
        owner = {"entityName": entity, "projectName": project}
        made = self.send_until_answered(queries.UPSERT_SWEEP, fields | owner)["upsertSweep"]["sweep"]
        self.send_until_answered(queries.UPSERT_SWEEP, owner | {"id": made["id"], "state": "FINISHED"})
        return SweepName(entity, project, made["name"])

    def begin(self, sweep: SweepName, run: Run) -> int:
        """Create or change a run. Return how many rows of its history are already there. Raises: Refused."""
        same = ("name", "displayName", "config", "tags", "group", "jobType", "notes", "commit")
        fields = {name: run.node[name] for name in same} | {"summary": run.node["summaryMetrics"]}
        where = {"project": sweep.project, "entity": sweep.entity, "sweep": sweep.id}
        made = self.send_until_answered(queries.UPSERT_RUN, where | fields)["upsertBucket"]["bucket"]
        return made["historyLineCount"] or 0

    def upload(self, sweep: SweepName, run: str, contents: dict[str, bytes]) -> None:
        """Store files of a run, by name. Raises: Refused."""
        where = {"entity": sweep.entity, "project": sweep.project, "run": run, "files": list(contents)}
        made = self.send_until_answered(queries.CREATE_FILES, where)["createRunFiles"]
        headers = dict(line.split(":", 1) for line in made["uploadHeaders"] or [])
        for file in made["files"]:
            self.fetch("PUT", file["uploadUrl"], data=contents[file["name"]], headers=headers)

    def append(self, sweep: SweepName, run: str, offset: int, rows: Sequence[str]) -> None:
        """Add rows to a history, starting at line `offset`.

        Rows that are already there are written again without harm. Raises: Refused.
        """
        for first in range(0, len(rows), ROWS_A_REQUEST):
            part = list(rows[first : first + ROWS_A_REQUEST])
            piece = {"wandb-history.jsonl": {"offset": offset + first, "content": part}}
            self._stream(sweep, run, {"files": piece})

    def end(self, sweep: SweepName, run: Run) -> None:
        """Write the summary and end the run in its final state. Raises: Refused."""
        summary = {"wandb-summary.json": {"offset": 0, "content": [run.node["summaryMetrics"] or "{}"]}}
        body: dict[str, Any] = {"files": summary}
        if run.has_ended:
            body |= {"complete": True, "exitcode": 0 if run.state == FINISHED else 1}
        self._stream(sweep, run.name, body)

    def _stream(self, sweep: SweepName, run: str, body: dict[str, Any]) -> None:
        path = f"files/{sweep.entity}/{sweep.project}/{run}/file_stream"
        self.fetch("POST", f"{self.account.base_url}/{path}", json=body)


def mark(source: SweepName) -> str:
    """Return the line in a copy's description by which a later copy finds it."""
    return f"Copy of sweep {source}."
