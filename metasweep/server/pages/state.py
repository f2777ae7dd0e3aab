"""What the pages keep between requests: answers that are still valid, and curves read so far."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from metasweep.server.pages.answers import Answer
from metasweep.server.pages.data.lines import Lines
from metasweep.server.pages.data.live_report import Reporter
from metasweep.server.pages.data.tracks import Tracks

MOST_ANSWERS = 64
SHARE = 0.05  # of a processor: the most that one source may use, however many people look at it
REST = 0.5  # at least so many seconds between two computations of a source


@dataclass
class Kept:
    """What is kept for one source."""

    lock: threading.Lock = field(default_factory=threading.Lock)  # held by the thread that updates it
    version: Hashable = None
    answer: Answer | None = None
    good_until: float = 0.0  # until then no request looks for changes


class Answers:
    """The newest answer of every source.

    It is computed again when its version changes, but only for a limited part of the time, `SHARE`.

    A sweep with 10,000 runs takes a second to compute. All readers share one answer. While a new one is
    computed they get the older one, and the next is not computed before twenty times that time has passed.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._clock = clock

    def get(
        self, source: Hashable, look: Callable[[], Hashable], make: Callable[[], dict[str, Any]]
    ) -> Answer:
        """Return the answer of a source.

        `look` returns its version, cheaply; `make` computes its document.
        """
        kept = self._of(source)
        if kept.answer is not None and self._clock() < kept.good_until:
            return kept.answer
        if not kept.lock.acquire(blocking=kept.answer is None):
            return kept.answer  # type: ignore[return-value]  # another thread computes it
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
        self.reporter = Reporter()

    def close(self) -> None:
        """End what is under way."""
        self.reporter.close()
