"""The sweep protocol, as W&B documents it. It is the same for every server."""

from __future__ import annotations

import json
import math
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

from metasweep.client.queries import (
    AGENT_RUNS,
    CREATE_AGENT,
    HEARTBEAT,
    PROGRESS,
    RUN,
    RUNS,
    SWEEP,
    UPSERT_RUN,
    UPSERT_SWEEP,
    VIEWER,
)
from metasweep.client.transport import Refused, Transport, Unreachable
from metasweep.sweeps.points import values_of
from metasweep.sweeps.states import ACTIVE, ENDED, FINISHED, KILLED, LOST, PREEMPTED

START_ATTEMPTS = 5  # over some ten seconds
NOT_FOUND, DELETED = 404, 409
NO_RUN = "-"  # sent as the running run by an agent that wants no run
PAGE = 500  # runs per listed page
Made = Literal["ours", "another's", "deleted"]
NEWEST = 10  # newest runs of an agent among which a lost one is searched


@dataclass(frozen=True)
class SweepName:
    """ENTITY/PROJECT/ID."""

    entity: str
    project: str
    id: str

    def __str__(self) -> str:
        return f"{self.entity}/{self.project}/{self.id}"


@dataclass
class Registration:
    """A worker as the server knows it: an agent that works on a sweep, one run at a time."""

    id: str
    sweep: SweepName
    received: set[str] = field(default_factory=set)
    """Runs that the server has handed to it and whose answer arrived."""
    ended: set[str] = field(default_factory=set)
    """Runs that ended since its last claim."""


class Client(Transport):
    """Speaks the protocol with one account's server. Several threads may use it."""

    def default_entity(self, patience: float = 0.0) -> str:
        """Return the entity that owns what this key creates. This also checks the key and the address.

        If the server does not answer, it is asked again for ten seconds or for `patience` seconds, whichever
        is longer.
        """
        deadline = time.monotonic() + patience
        attempts = math.inf if patience else START_ATTEMPTS
        viewer = self.until_answered(
            lambda: self.execute(VIEWER, {}), attempts, lambda: not patience or time.monotonic() < deadline
        )["viewer"]
        if not viewer:
            raise Refused("the key belongs to no user", 401)
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

    def register_agent(self, sweep: SweepName, host: str) -> Registration:
        """Register an agent of the sweep."""
        owner = {"projectName": sweep.project, "entityName": sweep.entity}
        reply = self.send_until_answered(CREATE_AGENT, {"host": host, "sweep": sweep.id, **owner})
        return Registration(reply["createAgent"]["agent"]["id"], sweep)

    def heartbeat(self, agent: Registration, running: str) -> list[dict[str, Any]]:
        """Tell the server once which run the agent works on; return its commands.

        Raises: Refused; Unreachable, at once too if the server's rate limit does not allow a request now.
        """
        if self.throttle.left():
            raise Unreachable("its rate limit", may_have_acted=False)
        return self._report(agent, {running: True})

    def claim(self, agent: Registration, worthwhile: Callable[[], bool]) -> list[dict[str, Any]]:
        """Tell the server that no run is running, which asks for one; return the server's commands.

        If an answer is lost, the server may have created a run that this agent does not know of. Then the
        agent gets that run instead of a new one. It never gets a run twice, except to resume it.

        Raises: Refused; Unreachable, but only when another run is no longer `worthwhile`.
        """
        unsure = False

        def ask() -> list[dict[str, Any]]:
            nonlocal unsure
            if unsure and (lost := self._lost_run(agent)):
                return [lost]
            unsure = False
            # Only the embedded server understands a list of ended runs. W&B's own agents send none.
            ended = dict.fromkeys(agent.ended, False) if self.is_embedded else {}
            try:
                return self._report(agent, ended)
            except Unreachable as error:
                unsure = error.may_have_acted
                raise

        commands = self.until_answered(ask, worthwhile=worthwhile)
        commands = [c for c in commands if c["type"] != "run" or c["run_id"] not in agent.received]
        agent.received |= {command["run_id"] for command in commands if command["type"] in ("run", "resume")}
        agent.ended.clear()
        return commands

    def sign_off(self, agent: Registration) -> None:
        """Tell the embedded server which runs have ended, without asking for another one.

        Without this it would notice the end of a run that never reached it only when the lease is over.
        Nothing is sent to W&B's cloud.

        Raises: Refused, Unreachable.
        """
        if self.is_embedded and agent.ended:
            self._report(agent, dict.fromkeys(agent.ended, False) | {NO_RUN: True})

    def release(self, sweep: SweepName, run: str) -> bool:
        """Release a run without a process. The server marks it preempted and offers it to another agent.

        Returns whether it will be offered, or has finished. The server does not offer a failed run by itself.

        Raises: Refused, Unreachable.
        """
        owner = {"project": sweep.project, "entity": sweep.entity}
        found = (self.execute(RUN, owner | {"name": run})["project"] or {}).get("run")
        state = found["state"] if found else None
        if state not in ACTIVE:
            return state in (PREEMPTED, FINISHED)
        if state == "pending":
            self.execute(UPSERT_RUN, owner | {"name": run, "sweep": sweep.id})
        path = f"files/{sweep.entity}/{sweep.project}/{run}/file_stream"
        for said in ({"preempting": True}, {"complete": True, "exitcode": 1}):
            reply = self.request("POST", f"{self.account.base_url}/{path}", json=said)
            if reply.status_code >= 400:
                raise Refused(f"HTTP {reply.status_code}", reply.status_code)
        return True

    def _report(self, agent: Registration, runs: dict[str, bool]) -> list[dict[str, Any]]:
        variables = {"id": agent.id, "metrics": "{}", "runState": json.dumps(runs)}
        return json.loads(self.execute(HEARTBEAT, variables)["agentHeartbeat"]["commands"])

    def _lost_run(self, agent: Registration) -> dict[str, Any] | None:
        """Return the command of a run that was created for this agent without its knowing.

        None if there is no such run.
        """
        variables = {
            "agentID": agent.id,
            "sweep": agent.sweep.id,
            "entity": agent.sweep.entity,
            "project": agent.sweep.project,
            "first": NEWEST,
            "order": "-created_at",
        }
        try:
            sweep = (self.execute(AGENT_RUNS, variables)["project"] or gone(agent.sweep))["sweep"]
        except Refused:
            return None  # the server does not know the query
        made = ((sweep or {}).get("agent") or {"runs": {"edges": []}})["runs"]["edges"]
        for node in (edge["node"] for edge in made):
            if node["name"] not in agent.received and node["state"] not in ENDED:
                args = {name: {"value": value} for name, value in parameters_of(node["config"]).items()}
                return {"type": "run", "run_id": node["name"], "args": args}
        return None

    def progress(self, sweep: SweepName, orders: tuple[str, str], durations: bool) -> dict[str, Any]:
        """Return the sweep's state, its counts of runs, and the first finished run in each order.

        With `durations`, also the last finished runs: their summaries say how long they took.
        """

        def runs_in(state: str) -> str:
            return json.dumps({"$and": [{"sweep": sweep.id}, {"state": state}]})

        names = {"sweep": sweep.id, "project": sweep.project, "entity": sweep.entity}
        names |= {"order": orders[0], "aggregateOrder": orders[1]}
        states = {state: runs_in(state) for state in ("finished", "running")}
        variables = names | states | {"durations": durations}
        return self.execute(PROGRESS, variables)["project"] or gone(sweep)

    def runs(self, sweep: SweepName) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield name, state and configuration of every run of the sweep.

        A run that was told to stop is `killed`, whatever state it reported.
        """
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
            for node in (edge["node"] for edge in page["edges"]):
                stopped = node["stopped"] and node["state"] in LOST
                yield node["name"], KILLED if stopped else node["state"], parameters_of(node["config"])
            cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    def run_state(self, sweep: SweepName, name: str) -> str | None:
        """Return the state of a run of the sweep's project, asked once; None if there is no such run.

        Raises: Refused, Unreachable.
        """
        where = {"name": name, "project": sweep.project, "entity": sweep.entity}
        run = (self.execute(RUN, where)["project"] or gone(sweep))["run"]
        return run and run["state"]

    def make_run(self, sweep: SweepName, name: str, args: dict[str, Any], title: str) -> Made:
        """Create a run of the sweep, unless one with this name exists or existed. Return whose run it is.

        If several agents try at once, the server tells only one that the run is new (`inserted`). If that
        answer is lost, the run's title tells who created it: every agent adds a mark of its own to the title.

        Raises: Refused; Unreachable after this client was told to stop.
        """
        title = f"{title}-{secrets.token_hex(2)}"
        where = {"name": name, "project": sweep.project, "entity": sweep.entity}
        made = where | {"sweep": sweep.id, "config": json.dumps(args), "displayName": title}

        def ask() -> Made:
            found = (self.execute(RUN, where)["project"] or {}).get("run")
            if found:
                return "ours" if found["displayName"] == title else "another's"
            is_new = self.execute(UPSERT_RUN, made)["upsertBucket"]["inserted"]
            return "ours" if is_new else "another's"

        try:
            return self.until_answered(ask)
        except Refused as error:
            if error.status == DELETED:
                return "deleted"
            raise


def parameters_of(config: str | None) -> dict[str, Any]:
    """Return the values in a run's configuration, as the server sends it."""
    return values_of(json.loads(config or "{}"))


def gone(sweep: SweepName) -> NoReturn:
    """Raise Refused as the server does for a sweep that does not exist (any more)."""
    raise Refused(f"there is no {sweep}", NOT_FOUND)
