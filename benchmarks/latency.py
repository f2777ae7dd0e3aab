"""Latencies of a load: when each request was due, and how long its answer took from then."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Latencies:
    """Kind of request -> (due time, seconds from then to the answer), both by the monotonic clock."""

    seen: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    @asynccontextmanager
    async def timed(self, kind: str, due: float | None = None) -> AsyncIterator[None]:
        """Time the body. A request that starts late because an earlier one was slow counts from `due`."""
        began = time.monotonic() if due is None else due
        yield
        self.seen[kind].append((began, time.monotonic() - began))

    def milliseconds(self, kind: str, percent: float, part: slice = slice(None)) -> float:
        """A percentile of one kind, of some of the requests (in order of time)."""
        return percentile(sorted(self.seen[kind])[part], percent)

    def begin_and_end(self, kind: str, percent: float, parts: int = 10) -> tuple[float, float]:
        """Return the percentile in the first and in the last of `parts` equal parts of the requests."""
        size = max(1, len(self.seen[kind]) // parts)
        first, last = slice(size), slice(-size, None)
        return self.milliseconds(kind, percent, first), self.milliseconds(kind, percent, last)


def percentile(timed: Iterable[tuple[float, float]], percent: float) -> float:
    """A percentile of the latencies, in milliseconds."""
    return float(np.percentile([seconds for _, seconds in timed], percent)) * 1000
