"""What a request is: the name under which it is counted and fails."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

NAME = re.compile(r"\b(?:query|mutation)\s+(\w+)")
WRITING = {"PUT": "upload", "GET": "download", "HEAD": "download"}


@dataclass(frozen=True)
class Call:
    """One request, as far as the cloud looks into it."""

    operation: str
    """A GraphQL operation by its name, `claim` (a heartbeat without a running run), `file_stream`, …"""
    query: str = ""
    variables: dict[str, Any] | None = None

    @property
    def is_graphql(self) -> bool:
        """Whether it has variables to look at."""
        return self.variables is not None


def read_call(method: str, path: str, body: bytes) -> Call:
    """Recognise a request by its address and body."""
    if path.startswith("/graphql"):
        return read_graphql(body)
    if path.endswith("/file_stream"):
        return Call("file_stream")
    return Call(WRITING.get(method, "other"))


def read_graphql(body: bytes) -> Call:
    """Recognise a GraphQL request; what is not one is called `other`."""
    try:
        sent = json.loads(body)
        query, variables = sent["query"], sent.get("variables") or {}
    except (ValueError, KeyError, TypeError):
        return Call("other")
    named = NAME.search(query)
    operation = named[1] if named else "unnamed"
    if "agentHeartbeat" in query:
        running = json.loads(variables.get("runState") or "{}")
        operation = "heartbeat" if any(running.values()) else "claim"
    return Call(operation, query, variables)
