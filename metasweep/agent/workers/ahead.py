"""Whether the next run is claimed while the current one is still trained, and when."""

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

NEAR_SECONDS = 0.03  # with a server this close, claiming early gains nothing
ROUND_TRIPS = 12  # of a claim, of `wandb.init`, and to open their connections
OWN_SECONDS = 1.5  # for the part of these that does not depend on the network, on a busy node
REMEMBERED = 5  # last trainings; the next one is expected to last at least as long as the shortest of them


class Ahead:
    """Decides for one agent when the next run may be claimed early. Thread-safe.

    Nothing is claimed early in two cases. A search that learns from results, or stops bad runs, needs all
    results so far. And if few points are left, a free worker of another agent should run them at once.
    """

    def __init__(self, client: Transport, sweep: Sweep, monitor: ProgressMonitor, walltime: Walltime) -> None:
        self._client, self._monitor, self._walltime = client, monitor, walltime
        learns = sweep.config.get("method") not in ("grid", "random") or "early_terminate" in sweep.config
        is_here = client.is_embedded and is_loopback(urlsplit(client.account.base_url).hostname or "")
        self.is_possible = not learns and not is_here and client.round_trip > NEAR_SECONDS
        self._trainings: deque[float] = deque(maxlen=REMEMBERED)
        self._trained: list[float] = []
        """When each of this agent's trainings ended (monotonic clock)."""
        self._lock = threading.Lock()

    def note_training(self, seconds: float) -> None:
        """Note how long a run was trained."""
        with self._lock:
            self._trainings.append(seconds)
            self._trained.append(time.monotonic())

    def after(self) -> float | None:
        """Return how many seconds a run must have been trained before the next is claimed.

        None: the next is claimed at its end.
        """
        with self._lock:
            if not self.is_possible or not self._trainings or not self._fits() or not self._many_left():
                return None
            lead = ROUND_TRIPS * self._client.round_trip + OWN_SECONDS
            return max(0.0, min(self._trainings) - lead)

    def _fits(self) -> bool:
        """Return whether the time left is enough for two more runs."""
        left, estimate = self._walltime.left, self._walltime.estimate()
        return left is None or (estimate is not None and left > 2 * estimate + LEAVING_SECONDS)

    def _many_left(self) -> bool:
        """Return whether more points are left than all agents of the sweep can take at once."""
        latest = self._monitor.latest
        if latest is None:
            return False
        if latest.expected is None:
            return True
        since = sum(at > latest.at for at in self._trained)
        return latest.expected - latest.finished - latest.running - since > 2 * max(1, latest.running)
