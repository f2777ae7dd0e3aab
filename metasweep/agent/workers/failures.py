"""The runs that failed in a row here, and what they have in common."""

from __future__ import annotations

import socket
import time
from typing import Any

from metasweep.agent.progress import ProgressMonitor
from metasweep.client.protocol import Client
from metasweep.client.sweep import Sweep
from metasweep.client.transport import Refused, Unreachable
from metasweep.sweeps.states import FINISHED


class Failures:
    """The failures since the last run that finished here."""

    def __init__(self, client: Client, sweep: Sweep, monitor: ProgressMonitor) -> None:
        self._client, self._sweep, self._monitor = client, sweep, monitor
        self.in_a_row = 0
        self._points: list[dict[str, Any]] = []

    def note(self, point: dict[str, Any] | None) -> None:
        """Count a failure of a run at a point, or of a trainer with all its runs (None)."""
        self.in_a_row += 1
        self._points += [] if point is None else [point]

    def clear(self) -> None:
        """Forget them: a run has finished."""
        self.in_a_row = 0
        self._points.clear()

    def describe(self, reason: str, finished: int) -> str:
        """Say what the failures have in common: some value, this node, or only the program.

        `reason` is that of the last one, `finished` the number of runs that finished here.
        """
        row = f"{self.in_a_row} runs in a row failed here"
        if culprits := self._suspects():
            return f"{row}, all with {culprits}, with which none has finished; the last with {reason}"
        self._monitor.ask(since=time.monotonic())
        if (elsewhere := self._monitor.finished_elsewhere(finished)) > 0:
            host = socket.gethostname()
            return (
                f"node {host} looks bad: {row} while {elsewhere} finished elsewhere; the last with {reason}"
            )
        return f"{row}, the last with {reason}"

    def _suspects(self) -> str:
        """Return the values that all failing points share and no finished run has.

        Empty without a finished run.
        """
        try:
            runs = self._client.runs(self._sweep.name)
            finished = [config for _, state, config in runs if state == FINISHED]
        except (Refused, Unreachable):
            return ""
        first = self._points[0] if self._points else {}
        shared = {
            name: value
            for name, value in first.items()
            if all(point.get(name) == value for point in self._points)
            and not any(config.get(name) == value for config in finished)
        }
        return self._sweep.varying(shared) if finished else ""
