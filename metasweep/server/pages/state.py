"""What the pages keep between two requests: answers that are still true, and curves read so far."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from metasweep.server.pages.answers import Answer
from metasweep.server.pages.data.lines import Lines
from metasweep.server.pages.data.told import Teller
from metasweep.server.pages.data.tracks import Tracks

MOST_ANSWERS = 64
SHARE = 0.05  # of a processor, the most that one source takes, however many look at it
REST = 0.5  # seconds at least between two looks at a source


@dataclass
class Kept:
    """What is known of one source."""

    lock: threading.Lock = field(default_factory=threading.Lock)  # held by who brings it up to date
    version: Hashable = None
    answer: Answer | None = None
    good_until: float = 0.0  # before that, nobody looks for anything newer


class Answers:
    """The newest answer of every source: made anew when its version has changed, and seldom when it is dear.

    A sweep of 10,000 runs costs a second of work. Those who look at it share one answer, get an older one
    while it is made, and do not have it made again before twenty times that time has passed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._clock = clock

    def get(
        self, source: Hashable, look: Callable[[], Hashable], make: Callable[[], dict[str, Any]]
    ) -> Answer:
        """The answer of a source; `look` gives its version, cheaply, and `make` its document."""
        kept = self._of(source)
        if kept.answer is not None and self._clock() < kept.good_until:
            return kept.answer
        if not kept.lock.acquire(blocking=kept.answer is None):
            return kept.answer  # type: ignore[return-value]  # another one is at it
        try:
            if kept.answer is None or self._clock() >= kept.good_until:
                self._renew(kept, look, make)
            return kept.answer  # type: ignore[return-value]
        finally:
            kept.lock.release()

    def _renew(self, kept: Kept, look: Callable[[], Hashable], make: Callable[[], dict[str, Any]]) -> None:
        begun = time.thread_time()
        version = look()
        if kept.answer is None or version != kept.version:
            kept.answer, kept.version = Answer.of(make()), version
        kept.good_until = self._clock() + max(REST, (time.thread_time() - begun) / SHARE)

    def _of(self, source: Hashable) -> Kept:
        with self._lock:
            kept = self._kept.setdefault(source, Kept())
            self._kept.move_to_end(source)
            while len(self._kept) > MOST_ANSWERS:
                self._kept.popitem(last=False)
            return kept


class Pages:
    """The state of the pages of one server."""

    def __init__(self) -> None:
        self.answers = Answers()
        self.tracks = Tracks()
        self.lines = Lines()
        self.teller = Teller()

    def close(self) -> None:
        """End what is under way."""
        self.teller.close()
