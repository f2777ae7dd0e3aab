"""Seats: a worker needs one to train its run. Two workers share each seat and take turns.

If the server is far away, a run spends seconds on its beginning and its end, and its core would be idle.
Therefore two workers share a seat: while one trains its run, the other claims the next run and starts it,
shortly before the seat becomes free; while one finishes its run, the other already trains.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.2


class Seat:
    """A place to train one run at a time. Thread-safe."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._taken_at: float | None = None
        self._has_next = False

    def reserve(self, ahead_after: Callable[[], float | None], is_over: Callable[[], bool]) -> bool:
        """Wait until a worker may claim a run for this seat. Return False if `is_over()` came first.

        `ahead_after` returns for how many seconds the current run must have been trained before the next one
        is claimed; None: until it has ended.
        """
        with self._free:
            while not is_over():
                if not self._has_next and self._is_nearly_free(ahead_after()):
                    self._has_next = True
                    return True
                self._free.wait(LOOK_SECONDS)
        return False

    def _is_nearly_free(self, after: float | None) -> bool:
        if self._taken_at is None:
            return True
        return after is not None and time.monotonic() - self._taken_at >= after

    def cancel(self) -> None:
        """Release the reservation: the claim gave no run."""
        with self._free:
            self._has_next = False
            self._free.notify_all()

    def take(self, is_over: Callable[[], bool]) -> bool:
        """Wait until the seat is free, and take it. Return False if `is_over()` came first."""
        with self._free:
            while self._taken_at is not None:
                if is_over():
                    self._has_next = False
                    return False
                self._free.wait(LOOK_SECONDS)
            self._taken_at, self._has_next = time.monotonic(), False
        return True

    def leave(self) -> None:
        """Release the seat: the training is over."""
        with self._free:
            self._taken_at = None
            self._free.notify_all()
