"""Delays answers to an address that tries many wrong keys, and logs it.

Requests with a right key are never delayed: whoever guesses may use the same machine or proxy as everybody
else.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE = 10  # wrong keys per address and window without a delay
WINDOW = 60.0  # seconds
WAIT = 1.0  # seconds
MOST_WAITING = 200  # requests; each of them holds a connection open
MOST_ADDRESSES = 1000
log = logging.getLogger("server")


@dataclass
class Tries:
    """The wrong keys of an address since a time."""

    since: float
    count: int = 0


class Guesses:
    """Counts wrong keys by the address that they come from."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tries: OrderedDict[str, Tries] = OrderedDict()
        self.waiting = 0

    def wrong(self, address: str) -> float:
        """Count a wrong key. Return the seconds to delay its answer."""
        now = self._clock()
        tries = self._tries.pop(address, None)
        if tries is None or now - tries.since > WINDOW:
            tries = Tries(now)
        tries.count += 1
        self._tries[address] = tries
        if len(self._tries) > MOST_ADDRESSES:
            self._tries.popitem(last=False)
        if tries.count == FREE + 1:
            log.warning("more than %d wrong keys from %s within %g s", FREE, address, WINDOW)
        return WAIT if tries.count > FREE and self.waiting < MOST_WAITING else 0.0
