"""How long this job may still run, and whether another run fits into that."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from metasweep.batch.walltime import clock

MARGIN = 1.25  # a run may take so much longer than the longest of those seen
LEAVING_SECONDS = 15.0  # to flush, sign off and clean up


class Walltime:
    """The time left and the durations seen. Thread-safe."""

    def __init__(self, seconds: float | None, durations: Sequence[float] = ()) -> None:
        """`seconds` is the time left now (None: no limit), `durations` those of runs on other machines."""
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._elsewhere = list(durations)
        self._here: list[float] = []
        self._lock = threading.Lock()

    def note(self, seconds: float) -> None:
        """Learn how long a run took here."""
        with self._lock:
            self._here.append(seconds)

    def learn(self, durations: Sequence[float]) -> None:
        """Learn how long runs took on other machines."""
        with self._lock:
            self._elsewhere = list(durations)

    @property
    def left(self) -> float | None:
        """Seconds left, or None for no limit."""
        return None if self._deadline is None else self._deadline - time.monotonic()

    def estimate(self) -> float | None:
        """Return how long a run will take at most: what was seen here, or else elsewhere, and a margin."""
        with self._lock:
            seen = self._here if len(self._here) >= 3 else self._here + self._elsewhere
            return MARGIN * max(seen) if seen else None

    def fits(self) -> bool:
        """Whether there is time for another run; the first one is always tried."""
        left = self.left
        return left is None or left > (self.estimate() or 0.0) + LEAVING_SECONDS

    def __str__(self) -> str:
        """The time left against the time that a run takes."""
        return f"{clock(self.left or 0.0)} left, a run takes up to {clock(self.estimate() or 0.0)}"
