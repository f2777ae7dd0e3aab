"""What the pages keep between two requests: answers that are still true, and curves read so far."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from server.pages.answers import Answer
from server.pages.tracks import Tracks

MOST_ANSWERS = 64


class Answers:
    """The newest answer of every source, made anew only when its version has changed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[Hashable, Answer]] = OrderedDict()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, source: Hashable, version: Hashable, make: Callable[[], dict[str, Any]]) -> Answer:
        """The answer of a source in a version; those who ask at the same time wait for one making of it."""
        with self._lock:
            lock = self._locks.setdefault(source, threading.Lock())
        with lock:
            known = self._kept.get(source)
            if known and known[0] == version:
                return known[1]
            answer = Answer.of(make())
            self._keep(source, version, answer)
            return answer

    def _keep(self, source: Hashable, version: Hashable, answer: Answer) -> None:
        with self._lock:
            self._kept[source] = (version, answer)
            self._kept.move_to_end(source)
            while len(self._kept) > MOST_ANSWERS:
                oldest, _ = self._kept.popitem(last=False)
                self._locks.pop(oldest, None)


class Pages:
    """The state of the pages of one server."""

    def __init__(self) -> None:
        self.answers = Answers()
        self.tracks = Tracks()
