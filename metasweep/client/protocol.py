"""The sweep protocol, as W&B documents it: GraphQL over HTTP, the same for every server that speaks it."""

from __future__ import annotations

import json
import math
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import requests

from metasweep.client.account import Account

TIMEOUT_SECONDS = (10, 60)  # to connect; to answer: a claim may wait behind other writers
RETRY_SECONDS = (0.5, 30.0)  # the first wait and the longest
START_ATTEMPTS = 3
UNAUTHORIZED, NOT_FOUND = (401, 403), 404

SWEEP = """
query GetSweep($name: String!, $project: String, $entity: String) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $name) { name state config runCountExpected }
  }
}"""
UPSERT_SWEEP = """
mutation UpsertSweep($config: String, $entityName: String, $projectName: String) {
  upsertSweep(input: {config: $config, entityName: $entityName, projectName: $projectName}) {
    sweep { name project { name entity { name } } }
    configValidationWarnings
  }
}"""
CREATE_AGENT = """
mutation CreateAgent($host: String!, $projectName: String, $entityName: String, $sweep: String!) {
  createAgent(input: {host: $host, projectName: $projectName, entityName: $entityName, sweep: $sweep}) {
    agent { id }
  }
}"""
HEARTBEAT = """
mutation Heartbeat($id: ID!, $metrics: JSONString, $runState: JSONString) {
  agentHeartbeat(input: {id: $id, metrics: $metrics, runState: $runState}) { agent { id } commands }
}"""
PROGRESS = """
query Progress($sweep: String!, $project: String!, $entity: String!,
               $finished: JSONString, $running: JSONString,
               $order: String, $aggregateOrder: String) {
  project(name: $project, entityName: $entity) {
    sweep(sweepName: $sweep) { state runCountExpected }
    finished: runCount(filters: $finished)
    running: runCount(filters: $running)
    best: runs(filters: $finished, order: $order, first: 1) { edges { node { name summaryMetrics } } }
    bestAggregate: runs(filters: $finished, order: $aggregateOrder, first: 1) {
      edges { node { name summaryMetrics } }
    }
  }
}"""
SUMMARIES = """
query RecentRuns($project: String!, $entity: String!, $filters: JSONString, $first: Int) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, order: "-created_at", first: $first) { edges { node { summaryMetrics } } }
  }
}"""
RUNS = """
query Runs($project: String!, $entity: String!, $cursor: String, $perPage: Int = 50, $filters: JSONString) {
  project(name: $project, entityName: $entity) {
    runs(filters: $filters, after: $cursor, first: $perPage, order: "+created_at") {
      edges { node { name state config } }
      pageInfo { endCursor hasNextPage }
    }
  }
}"""
UPSERT_RUN = """
mutation UpsertBucket($name: String, $project: String, $entity: String, $sweep: String, $config: JSONString) {
  upsertBucket(input: {
    name: $name, modelName: $project, entityName: $entity, sweep: $sweep, config: $config
  }) { inserted }
}"""
PAGE = 500
VIEWER = "query Viewer { viewer { id entity username } }"


class Refused(Exception):
    """The server understood and said no; `status` is the HTTP status, or 200 for a GraphQL error."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(Exception):
    """No answer, or one that invites to try again (429, 5xx)."""


@dataclass(frozen=True)
class SweepName:
    """ENTITY/PROJECT/ID."""

    entity: str
    project: str
    id: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}/{self.id}"


class Client:
    """Speaks the protocol with one account's server; may be used by several threads."""

    def __init__(self, account: Account, stop: threading.Event | None = None) -> None:
        """`stop`, once set, ends every wait for a server that is away."""
        self.account = account
        self.stop = stop or threading.Event()
        self._local = threading.local()

    def execute(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send one query, once.

        Raises: Refused, Unreachable.
        """
        try:
            reply = self._session().post(
                f"{self.account.base_url}/graphql",
                json={"query": query, "variables": variables},
                timeout=TIMEOUT_SECONDS,
            )
        except requests.RequestException as error:
            raise Unreachable(reason(error)) from error
        if reply.status_code == 429 or reply.status_code >= 500:
            raise Unreachable(f"HTTP {reply.status_code}")
        return read_reply(reply)

    def send_until_answered(
        self,
        query: str,
        variables: dict[str, Any],
        attempts: float = math.inf,
        worthwhile: Callable[[], bool] = lambda: True,
    ) -> dict[str, Any]:
        """Send a query until it is answered, `attempts` times at most, waiting longer each time, with jitter.

        Raises: Refused; Unreachable after the last attempt, once `stop` is set or it is not `worthwhile`.
        """
        wait, longest = RETRY_SECONDS
        attempt = 1
        while True:
            try:
                return self.execute(query, variables)
            except Unreachable:
                if attempt == attempts or self.stop.wait(random.uniform(wait / 2, wait)) or not worthwhile():
                    raise
            attempt, wait = attempt + 1, min(2 * wait, longest)

    def default_entity(self) -> str:
        """Return the entity that owns what this key makes; proves the key and the address on the way."""
        viewer = self.send_until_answered(VIEWER, {}, START_ATTEMPTS)["viewer"]
        if not viewer:
            raise Refused("the key belongs to nobody", 401)
        return viewer.get("entity") or viewer["username"]

    def read_sweep(self, sweep: SweepName) -> dict[str, Any] | None:
        """Return the sweep's name, state, config (YAML) and runCountExpected, or None if there is none."""
        variables = {"name": sweep.id, "project": sweep.project, "entity": sweep.entity}
        try:
            project = self.send_until_answered(SWEEP, variables, START_ATTEMPTS)["project"]
        except Refused as error:
            if error.status == NOT_FOUND:
                return None
            raise
        return project and project["sweep"]

    def create_sweep(
        self, config: str, entity: str | None, project: str | None
    ) -> tuple[SweepName, list[str]]:
        """Create a sweep from YAML; return its name and the server's warnings."""
        variables = {"config": config, "entityName": entity, "projectName": project}
        reply = self.send_until_answered(UPSERT_SWEEP, variables, START_ATTEMPTS)
        sweep = reply["upsertSweep"]["sweep"]
        owner = sweep["project"]
        warnings = reply["upsertSweep"].get("configValidationWarnings") or []
        return SweepName(owner["entity"]["name"], owner["name"], sweep["name"]), warnings

    def register_agent(self, sweep: SweepName, host: str) -> str:
        """Register an agent of the sweep; return its id."""
        owner = {"projectName": sweep.project, "entityName": sweep.entity}
        reply = self.send_until_answered(CREATE_AGENT, {"host": host, "sweep": sweep.id, **owner})
        return reply["createAgent"]["agent"]["id"]

    def heartbeat(self, agent: str, running: str) -> list[dict[str, Any]]:
        """Tell the server, once, which run the agent is at; return its commands."""
        state = json.dumps({running: True})
        reply = self.execute(HEARTBEAT, {"id": agent, "metrics": "{}", "runState": state})
        return json.loads(reply["agentHeartbeat"]["commands"])

    def claim(self, agent: str, worthwhile: Callable[[], bool]) -> list[dict[str, Any]]:
        """Report no running run, which asks for one; return the server's commands.

        Raises: Refused; Unreachable, but only once another run is not `worthwhile` any more.
        """
        variables = {"id": agent, "metrics": "{}", "runState": "{}"}
        reply = self.send_until_answered(HEARTBEAT, variables, worthwhile=worthwhile)
        return json.loads(reply["agentHeartbeat"]["commands"])

    def progress(self, sweep: SweepName, orders: tuple[str, str]) -> dict[str, Any]:
        """Return the sweep's state, its counts of runs, and the first finished run in each order."""

        def runs_in(state: str) -> str:
            return json.dumps({"$and": [{"sweep": sweep.id}, {"state": state}]})

        names = {"sweep": sweep.id, "project": sweep.project, "entity": sweep.entity}
        names |= {"order": orders[0], "aggregateOrder": orders[1]}
        states = {state: runs_in(state) for state in ("finished", "running")}
        return self.execute(PROGRESS, names | states)["project"] or gone(sweep)

    def durations(self, sweep: SweepName, last: int = 50) -> list[float]:
        """Return the seconds that the last finished runs of the sweep took, on whichever machine."""
        filters = json.dumps({"$and": [{"sweep": sweep.id}, {"state": "finished"}]})
        variables = {"project": sweep.project, "entity": sweep.entity, "filters": filters, "first": last}
        project = self.execute(SUMMARIES, variables)["project"] or gone(sweep)
        edges = project["runs"]["edges"]
        summaries = [json.loads(edge["node"]["summaryMetrics"] or "{}") for edge in edges]
        return [summary["_runtime"] for summary in summaries if "_runtime" in summary]

    def runs(self, sweep: SweepName) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield name, state and configuration of every run of the sweep."""
        cursor, more = None, True
        while more:
            variables = {
                "project": sweep.project,
                "entity": sweep.entity,
                "filters": json.dumps({"$and": [{"sweep": sweep.id}]}),
                "cursor": cursor,
                "perPage": PAGE,
            }
            page = (self.send_until_answered(RUNS, variables)["project"] or gone(sweep))["runs"]
            for edge in page["edges"]:
                config = json.loads(edge["node"]["config"] or "{}")
                values = {k: v["value"] for k, v in config.items() if isinstance(v, dict) and "value" in v}
                yield edge["node"]["name"], edge["node"]["state"], values
            cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    def make_run(self, sweep: SweepName, name: str, args: dict[str, Any]) -> bool:
        """Make a run of the sweep; return whether it is new: of several that try, one is told so."""
        variables = {
            "name": name,
            "project": sweep.project,
            "entity": sweep.entity,
            "sweep": sweep.id,
            "config": json.dumps(args),
        }
        return bool(self.send_until_answered(UPSERT_RUN, variables)["upsertBucket"]["inserted"])

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.auth = ("api", self.account.api_key)
        return self._local.session


def gone(sweep: SweepName) -> NoReturn:
    """Raise Refused as the server does for a sweep that is not there (any more)."""
    raise Refused(f"there is no {sweep}", NOT_FOUND)


def read_reply(reply: requests.Response) -> dict[str, Any]:
    """Return the data of a GraphQL answer.

    Raises: Refused, with the server's own words where it has any.
    """
    try:
        body = reply.json()
    except requests.JSONDecodeError:
        body = {}
    errors = body.get("errors") if isinstance(body, dict) else None
    if errors or reply.status_code >= 400:
        words = "; ".join(str(e.get("message", e) if isinstance(e, dict) else e) for e in errors or [])
        raise Refused(words or f"HTTP {reply.status_code}", reply.status_code)
    if not isinstance(body, dict) or not isinstance(body.get("data"), dict):
        raise Refused("the answer is not GraphQL: is this a W&B server?", reply.status_code)
    return body["data"]


def reason(error: requests.RequestException) -> str:
    """Return in a few words why a request got no answer."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate was not accepted"
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout):
        return "no answer in time"
    if "Name or service not known" in str(error) or "name resolution" in str(error):
        return "no such host"
    if "Connection refused" in str(error):
        return "connection refused"
    return "connection lost"
