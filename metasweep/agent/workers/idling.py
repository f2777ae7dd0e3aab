"""If nothing can be claimed now, as in a paused sweep, one worker of an agent asks for all of them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.5


class Idling:
    """The pauses of an agent's idle workers, longer each time, with jitter. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._seconds = 0.0
        self._news = 0  # answers so far with a run, or with the news that nothing is left
        self._one_waits = False

    def note_news(self) -> None:
        """Note that the server handed out a run or said that nothing is left.

        Every worker then asks again.
        """
        with self._changed:
            self._news, self._seconds = self._news + 1, 0.0
            self._changed.notify_all()

    def pause(self, first: float, longest: float, is_over: Callable[[], bool]) -> None:
        """Wait until this worker should ask again. The first and the longest pause are in seconds."""
        with self._changed:
            news = self._news

            def may_go() -> bool:
                return self._news != news or is_over()

            while self._one_waits and not may_go():
                self._changed.wait(LOOK_SECONDS)
            if may_go():
                return
            self._one_waits = True
            self._seconds = min(max(first, 2 * self._seconds), longest)
            until = time.monotonic() + random.uniform(0.5, 1) * self._seconds
            while (left := until - time.monotonic()) > 0 and not may_go():
                self._changed.wait(min(left, LOOK_SECONDS))
            self._one_waits = False
            self._changed.notify_all()
