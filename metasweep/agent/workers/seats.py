"""Who trains when: a place for each run that may be trained at a time, and who may be getting ready for it.

Far from the server, a run spends seconds on beginning and ending, in which its core would be idle. There each
seat has two workers. While the run of one is trained, the other claims and begins the next, shortly before it
will be wanted; while the one finishes its run, the other's is trained.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.2


class Seat:
    """A place for one run that is trained. Thread-safe."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._taken_at: float | None = None
        self._has_next = False

    def reserve(self, ahead_after: Callable[[], float | None], give_up: Callable[[], bool]) -> bool:
        """Wait until one may claim a run for this seat; return whether so, else it was time to `give_up`.

        `ahead_after` returns for how many seconds the run of another must have been trained before the next
        is claimed; None: not before it is over.
        """
        with self._free:
            while not give_up():
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
        """No run came of the claim."""
        with self._free:
            self._has_next = False
            self._free.notify_all()

    def take(self, give_up: Callable[[], bool]) -> bool:
        """Wait until the seat is free, and take it; return whether so, else it was time to `give_up`."""
        with self._free:
            while self._taken_at is not None:
                if give_up():
                    self._has_next = False
                    return False
                self._free.wait(LOOK_SECONDS)
            self._taken_at, self._has_next = time.monotonic(), False
        return True

    def leave(self) -> None:
        """The training is over."""
        with self._free:
            self._taken_at = None
            self._free.notify_all()
