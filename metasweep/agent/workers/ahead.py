"""Whether, and when, the next run is claimed before the one at work is over."""

from __future__ import annotations

import threading
import time
from collections import deque
from urllib.parse import urlsplit

from metasweep.agent.node.walltime import LEAVING_SECONDS, Walltime
from metasweep.agent.progress import ProgressMonitor
from metasweep.client.proxies import is_loopback
from metasweep.client.sweep import Sweep
from metasweep.client.transport import Transport

NEAR_SECONDS = 0.03  # a server that answers so soon is not worth it
ROUND_TRIPS = 12  # of a claim, `wandb.init` and the connections that they open
OWN_SECONDS = 1.5  # for what is not the network's part of them, on a busy node
REMEMBERED = 5  # trainings; the next is expected to be no shorter than the shortest of them


class Ahead:
    """The policy of one agent. Thread-safe.

    A search that learns, or that stops runs early, is to know all results so far: nothing is claimed ahead.
    Nor where few points are left: each is to be run at once by whoever is free.
    """

    def __init__(
        self, client: Transport, sweep: Sweep, monitor: ProgressMonitor | None, walltime: Walltime
    ) -> None:
        self._client, self._monitor, self._walltime = client, monitor, walltime
        learns = sweep.config.get("method") not in ("grid", "random") or "early_terminate" in sweep.config
        is_here = client.is_embedded and is_loopback(urlsplit(client.account.base_url).hostname or "")
        self.is_possible = not learns and not is_here and client.round_trip > NEAR_SECONDS
        self._trainings: deque[float] = deque(maxlen=REMEMBERED)
        self._trained: list[float] = []
        """When each of this agent's trainings was over (monotonic clock)."""
        self._lock = threading.Lock()

    def note_training(self, seconds: float) -> None:
        """Learn how long a run was trained."""
        with self._lock:
            self._trainings.append(seconds)
            self._trained.append(time.monotonic())

    def after(self) -> float | None:
        """Return for how long a run is trained before the next is claimed; None: until it is over."""
        with self._lock:
            if not self.is_possible or not self._trainings or not self._fits() or not self._many_left():
                return None
            lead = ROUND_TRIPS * self._client.round_trip + OWN_SECONDS
            return max(0.0, min(self._trainings) - lead)

    def _fits(self) -> bool:
        """Whether there is time for the run at work and the next, however long each takes."""
        left, estimate = self._walltime.left, self._walltime.estimate()
        return left is None or (estimate is not None and left > 2 * estimate + LEAVING_SECONDS)

    def _many_left(self) -> bool:
        """Whether more points are left than all agents of the sweep can take at once."""
        latest = self._monitor.latest if self._monitor else None
        if latest is None:
            return False
        if latest.expected is None:
            return True
        since = sum(at > latest.at for at in self._trained)
        return latest.expected - latest.finished - latest.running - since > 2 * max(1, latest.running)
