"""How long this job may still run, and whether another run fits into that time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from metasweep.batch.walltime import clock

MARGIN = 1.25  # a run may take this many times as long as the longest one so far
LEAVING_SECONDS = 15.0  # to send what is left, sign off and clean up


class Walltime:
    """The time left and the durations of runs so far. Thread-safe."""

    def __init__(self, seconds: float | None, durations: Sequence[float] = ()) -> None:
        """`seconds` is the time left (None: no limit), `durations` the seconds of runs on other machines."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._elsewhere = list(durations)
        self._here: list[float] = []
        self._lock = threading.Lock()

    def note(self, seconds: float) -> None:
        """Note how long a run took here."""
        with self._lock:
            self._here.append(seconds)

    def learn(self, durations: Sequence[float]) -> None:
        """Note how long runs took on other machines."""
        with self._lock:
            self._elsewhere = list(durations)

    @property
    def left(self) -> float | None:
        """Seconds left, or None for no limit."""
        return None if self._deadline is None else self._deadline - time.monotonic()

    def estimate(self) -> float | None:
        """Return the most seconds that a run should take, with a margin.

        They are taken from runs here, or else from runs elsewhere.
        """
        with self._lock:
            seen = self._here if len(self._here) >= 3 else self._here + self._elsewhere
            return MARGIN * max(seen) if seen else None

    def fits(self) -> bool:
        """Return whether there is time for another run. The first run is always tried."""
        left = self.left
        return left is None or left > (self.estimate() or 0.0) + LEAVING_SECONDS

    def __str__(self) -> str:
        """Return the time left and the time that a run takes, in words."""
        return f"{clock(self.left or 0.0)} left, a run takes up to {clock(self.estimate() or 0.0)}"
