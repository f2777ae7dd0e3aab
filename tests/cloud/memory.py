"""What W&B's service remembers and the embedded server does not, or the other way round.

- A run that was handed out is forgotten: an agent that asks again, because the answer was lost, gets another
  one. The embedded server knows its agents. So each claim after one that was answered with a run is made
  by a new agent, whose id the client never sees.
- The name of a deleted run is refused for ever.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from tests.cloud.operations import Call

Ask = Callable[[str, dict[str, Any]], dict[str, Any]]


class Memory:
    """Changes requests on their way, and refuses some; learns from the answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made_by: dict[str, Call] = {}  # agent id -> the request that made it
        self._stand_ins: dict[str, str] = {}  # agent id -> the id that it goes by now
        self._served: set[str] = set()  # agents whose last claim was answered with a run
        self._names: dict[str, str] = {}  # id of a run -> its name
        self._deleted: set[str] = set()

    def change(self, call: Call, ask: Ask) -> Call:
        """Put the stand-in of an agent in its place; `ask` sends a query to the server."""
        variables = dict(call.variables or {})
        key = "id" if call.operation in ("claim", "heartbeat") else "agentID"
        agent = str(variables.get(key, ""))
        if agent not in self._made_by:
            return call
        with self._lock:
            if call.operation == "claim" and agent in self._served:
                made_by = self._made_by[agent]
                made = ask(made_by.query, made_by.variables or {})
                self._stand_ins[agent] = made["createAgent"]["agent"]["id"]
                self._served.discard(agent)
            variables[key] = self._stand_ins.get(agent, agent)
        return Call(call.operation, call.query, variables)

    def refuses(self, call: Call) -> str | None:
        """Why a request is answered with 409."""
        name = (call.variables or {}).get("name")
        if "upsertBucket" in call.query and name in self._deleted:
            return f"run {name} was previously created and deleted; try a new run name"
        return None

    def learn(self, call: Call, body: bytes) -> None:
        """Note what an answer of the server says; `call` is as the client sent it."""
        try:
            data = json.loads(body).get("data") or {}
        except (ValueError, AttributeError):
            return
        variables = call.variables or {}
        if agent := (data.get("createAgent") or {}).get("agent"):
            self._made_by[agent["id"]] = call
        if call.operation == "claim" and "run_id" in data.get("agentHeartbeat", {}).get("commands", ""):
            self._served.add(str(variables.get("id")))
        if "deleteRun" in data:
            deleted = str(variables.get("id") or (variables.get("input") or {}).get("id"))
            self._deleted.add(self._names.get(deleted, deleted))
        self._note_names(data)

    def _note_names(self, value: Any) -> None:
        """Remember the name that goes with each id, wherever in an answer they stand together."""
        if isinstance(value, list):
            for each in value:
                self._note_names(each)
        elif isinstance(value, dict):
            if isinstance(value.get("id"), str) and isinstance(value.get("name"), str):
                self._names[value["id"]] = value["name"]
            for each in value.values():
                self._note_names(each)
