"""A server's rate limit, honoured once for all threads that ask it.

W&B answers 429 to what is over the limit and says with `RateLimit-Reset` in how many seconds there is room
again (https://docs.wandb.ai/guides/track/limits); other front ends say `Retry-After`.
"""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable, Mapping

RESET, REMAINING, RETRY_AFTER = "RateLimit-Reset", "RateLimit-Remaining", "Retry-After"
LONGEST_SECONDS = 600.0  # no limit that is known has a longer window
UNKNOWN_SECONDS = 15.0  # where the server says that it is too much, but not for how long
SPREAD = 0.15  # of the wait: not every job of an account comes back in the same moment
SCARCE = 100  # of 1000: what is nice to know is not asked for


class Throttle:
    """When a server may be asked again. Thread-safe."""

    def __init__(self, say: Callable[[float], None] = lambda _seconds: None) -> None:
        """`say` is called with the seconds to wait, once for each wait."""
        self.say = say
        self._until = 0.0  # monotonic clock
        self._scarce_until = 0.0
        self._lock = threading.Lock()

    def note(self, status: int, headers: Mapping[str, str]) -> None:
        """Learn from an answer: its status and headers."""
        now = time.monotonic()
        reset = seconds_in(headers.get(RESET))
        remaining = seconds_in(headers.get(REMAINING))
        if remaining is not None and reset is not None:
            with self._lock:
                self._scarce_until = now + reset if remaining < SCARCE else 0.0
        asked = seconds_in(headers.get(RETRY_AFTER))
        if status == 429:
            self._wait_for(first_of(asked, reset, UNKNOWN_SECONDS))
        elif status == 503 and asked:
            self._wait_for(asked)

    def left(self) -> float:
        """Return the seconds until the server may be asked, 0 for now."""
        return max(0.0, self._until - time.monotonic())

    @property
    def is_scarce(self) -> bool:
        """Whether little of the limit is left, so that only what must be asked should be."""
        return time.monotonic() < max(self._until, self._scarce_until)

    def _wait_for(self, seconds: float) -> None:
        seconds = min(max(seconds, 1.0), LONGEST_SECONDS) * random.uniform(1, 1 + SPREAD)
        with self._lock:
            begins = self.left() == 0
            self._until = max(self._until, time.monotonic() + seconds)
        if begins:
            self.say(seconds)


def first_of(*values: float | None) -> float:
    """Return the first value that is known."""
    return next(value for value in values if value is not None)


def seconds_in(text: str | None) -> float | None:
    """Read a header: seconds from now, or a date as HTTP writes it. Anything else says nothing."""
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
