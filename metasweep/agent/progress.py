"""How far the sweep is: asks the server from time to time."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from metasweep.agent.node.walltime import Walltime
from metasweep.client.noticeboard import Answer
from metasweep.client.protocol import Client
from metasweep.client.sweep import Sweep
from metasweep.client.transport import Refused, Unreachable
from metasweep.sweeps.metric import Metric

GUEST_SECONDS = 60.0  # between two questions to a server that others use too


@dataclass(frozen=True)
class SweepProgress:
    """The state of a sweep, over all its agents."""

    state: str
    finished: int
    running: int
    expected: int | None
    best: float | None
    best_run: str | None
    unmeasured: str
    """A finished run without the sweep's metric, in a sentence; empty if there is none, or one with it."""
    at: float
    """When the server answered (monotonic clock)."""


class ProgressMonitor(threading.Thread):
    """Asks for the progress every `seconds`; `latest` holds the last answer.

    If the job has a time limit, it also learns how long the runs of other agents take.
    """

    def __init__(self, client: Client, sweep: Sweep, seconds: float, walltime: Walltime) -> None:
        super().__init__(name="progress", daemon=True)
        self._walltime = walltime
        self.first: SweepProgress | None = None
        self.latest: SweepProgress | None = None
        self._client, self._sweep, self._seconds = client, sweep, seconds

    def run(self) -> None:
        """Ask until the agent stops."""
        while not self._client.stop.wait(self._pause):
            self.ask()

    @property
    def _pause(self) -> float:
        if self._client.is_embedded:
            return self._seconds
        age = time.monotonic() - self.latest.at if self.latest else 0.0
        return max(1.0, GUEST_SECONDS - age)

    def ask(self, since: float | None = None) -> None:
        """Ask once, unless another agent of this user has, since the moment `since` (monotonic clock).

        The last answer stays if there is no new one, or if the server's rate limit is nearly used up.
        """
        if self._client.throttle.is_scarce:
            return
        limited = self._walltime.left is not None
        now, clock = time.time(), time.monotonic()
        seconds = GUEST_SECONDS if since is None else clock - since
        try:
            answer = self._ask(limited, now - seconds)
        except (Unreachable, Refused):
            return
        if answer is None:
            return
        if limited:
            self._walltime.learn(durations_of(answer.content))
        self.latest = read(answer.content, self._sweep, clock + answer.at - now)
        self.first = self.first or self.latest

    def _ask(self, durations: bool, since: float) -> Answer | None:
        """Return the server's answer, or that which another agent has had. Raises: Unreachable, Refused."""

        def ask() -> dict[str, Any]:
            return self._client.progress(self._sweep.name, self._sweep.orders, durations)

        if self._client.is_embedded:
            return Answer(time.time(), ask())
        return self._client.board.answer(f"progress of {self._sweep.name}, {durations=}", since, ask)

    def finished_elsewhere(self, here: int) -> int:
        """Return how many runs other agents have finished since the first answer.

        `here` counts this agent's runs.
        """
        return self.latest.finished - self.first.finished - here if self.first and self.latest else 0

    @property
    def unfinished(self) -> int | None:
        """Return how many runs of the sweep are not finished; None if that is not known."""
        latest = self.latest
        return latest.expected - latest.finished if latest and latest.expected else None

    def seconds_left(self) -> float | None:
        """Return the seconds that the sweep still needs, at the rate since the first answer.

        None if that is not known, or if no run is going on: points that failed for good take no time.
        """
        first, latest = self.first, self.latest
        if not first or not latest or not latest.expected or not latest.running:
            return None
        if not first.finished < latest.finished < latest.expected:
            return None
        rate = (latest.finished - first.finished) / (latest.at - first.at)
        return max(0.0, (latest.expected - latest.finished) / rate - (time.monotonic() - latest.at))


def read(reply: dict[str, Any], sweep: Sweep, now: float) -> SweepProgress:
    """Read the server's answer."""
    best, best_run = best_of(reply, sweep.metric)
    return SweepProgress(
        state=(reply["sweep"] or {}).get("state", "unknown"),
        finished=reply["finished"],
        running=reply["running"],
        expected=(reply["sweep"] or {}).get("runCountExpected"),
        best=best,
        best_run=best_run,
        unmeasured=unmeasured(reply, sweep.metric) if best is None else "",
        at=now,
    )


def unmeasured(reply: dict[str, Any], metric: Metric | None) -> str:
    """Return which finished run in the server's answer lacks the metric, and what it logged instead."""
    if metric is None or not reply["best"]["edges"]:
        return ""
    node = reply["best"]["edges"][0]["node"]
    summary = json.loads(node["summaryMetrics"] or "{}")
    if metric.of_run(summary) is not None:
        return ""
    logged = ", ".join(sorted(name for name in summary if not name.startswith("_"))) or "nothing"
    name = node["displayName"]
    return f"{name} has finished without a number {metric.name}, the sweep's metric: it logged {logged}"


def durations_of(reply: dict[str, Any]) -> list[float]:
    """Return the seconds of the last finished runs of the sweep, on all machines."""
    summaries = [json.loads(edge["node"]["summaryMetrics"] or "{}") for edge in reply["recent"]["edges"]]
    return [summary["_runtime"] for summary in summaries if "_runtime" in summary]


def best_of(reply: dict[str, Any], metric: Metric | None) -> tuple[float | None, str | None]:
    """Return the best metric among the runs in the server's answer, and the name of that run."""
    found: tuple[float | None, str | None] = (None, None)
    if metric is None:
        return found
    for edge in reply["best"]["edges"] + reply["bestAggregate"]["edges"]:
        value = metric.of_run(json.loads(edge["node"]["summaryMetrics"] or "{}"))
        if value is not None and (found[0] is None or metric.is_better(value, than=found[0])):
            found = value, edge["node"]["displayName"]
    return found
