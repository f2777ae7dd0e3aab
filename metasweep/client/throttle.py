"""A server's rate limit, respected by all threads that send it requests and all processes of the user.

W&B answers 429 to requests over the limit, and `RateLimit-Reset` says in how many seconds there is room again
(https://docs.wandb.ai/guides/track/limits). Other servers send `Retry-After`.
"""

from __future__ import annotations

import email.utils
import random
import threading
import time
from collections.abc import Callable, Mapping

from metasweep.client.noticeboard import Noticeboard

RESET, REMAINING, RETRY_AFTER = "RateLimit-Reset", "RateLimit-Remaining", "Retry-After"
LONGEST_SECONDS = 600.0  # no known limit has a longer window
UNKNOWN_SECONDS = 15.0  # if the server does not say how long to wait
SPREAD = 0.15  # random part of the wait, so that the jobs of an account do not return all at once
SCARCE = 100  # of 1000; below this only necessary requests are sent


class Throttle:
    """When a server may be asked again. Thread-safe."""

    def __init__(self, board: Noticeboard | None = None) -> None:
        """The `board` tells other processes."""
        self.say: Callable[[float], None] = lambda _seconds: None
        """Called with the seconds to wait, once per wait."""
        self._board = board
        self._known_until = 0.0  # by the last notice read or written, in seconds since the epoch
        self._until = 0.0  # monotonic clock
        self._scarce_until = 0.0
        self._lock = threading.Lock()

    def note(self, status: int, headers: Mapping[str, str]) -> None:
        """Note the status and the headers of an answer."""
        now = time.monotonic()
        reset = seconds_in(headers.get(RESET))
        remaining = seconds_in(headers.get(REMAINING))
        if remaining is not None and reset is not None:
            with self._lock:
                self._scarce_until = now + reset if remaining < SCARCE else 0.0
        asked = seconds_in(headers.get(RETRY_AFTER))
        if status == 429:
            self._note_and_wait(first_of(asked, reset, UNKNOWN_SECONDS))
        elif status == 503 and asked:
            self._note_and_wait(asked)

    def left(self) -> float:
        """Return the seconds until the next request is allowed; 0 for now."""
        self._read_notice()
        return self._left

    @property
    def is_scarce(self) -> bool:
        """Return whether the limit is nearly used up, so that only necessary requests should be sent."""
        return self.left() > 0 or time.monotonic() < self._scarce_until

    @property
    def _left(self) -> float:
        return max(0.0, self._until - time.monotonic())

    def _read_notice(self) -> None:
        """Wait as well if another process has noted a limit."""
        until = self._board.limited_until() if self._board else 0.0
        if until != self._known_until:
            self._known_until = until
            seconds = until - time.time()
            if 0 < seconds <= LONGEST_SECONDS:  # anything longer is not what one of us has written
                self._wait_for(seconds)

    def _note_and_wait(self, seconds: float) -> None:
        if self._board:
            self._board.note_limit(time.time() + min(seconds, LONGEST_SECONDS))
            self._known_until = self._board.limited_until()
        self._wait_for(seconds)

    def _wait_for(self, seconds: float) -> None:
        seconds = min(max(seconds, 1.0), LONGEST_SECONDS) * random.uniform(1, 1 + SPREAD)
        with self._lock:
            begins = self._left == 0
            self._until = max(self._until, time.monotonic() + seconds)
        if begins:
            self.say(seconds)


def first_of(*values: float | None) -> float:
    """Return the first value that is not None."""
    return next(value for value in values if value is not None)


def seconds_in(text: str | None) -> float | None:
    """Return the seconds in a header: a number, or the time until an HTTP date. None for any other text."""
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
