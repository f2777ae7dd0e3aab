"""Runs queries in threads: quick ones side by side, slow ones a few at a time.

A query whose client has left is not run.

Every query starts as a quick one. If it is not quick, it starts again in the slow lane. So small queries
never wait for large ones, however many there are. Queries that change something, such as heartbeats, have a
lane of their own.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from metasweep.server.budget import Budget, NotQuick

T = TypeVar("T")
QUICK_AT_ONCE = 20
CHANGES_AT_ONCE = 40  # they wait for the commit that they share: the more, the fewer commits
SLOW_AT_ONCE = 2


class Lanes:
    """The threads in which documents are executed."""

    def __init__(self) -> None:
        self._changes = CapacityLimiter(CHANGES_AT_ONCE)
        self._quick, self._slow = CapacityLimiter(QUICK_AT_ONCE), CapacityLimiter(SLOW_AT_ONCE)
        self._running: set[Budget] = set()
        self._closed = False

    async def run(self, request: Request, work: Callable[[Budget], T], changes: bool) -> T:
        """Run some work in a thread and return its result. The work is cancelled if the client leaves.

        `changes` may sometimes be wrong: it only decides which queries wait for each other.
        """
        cancelled = threading.Event()
        watcher = asyncio.create_task(note_leaving(request, cancelled))
        try:
            try:
                lane = self._changes if changes else self._quick
                return await self._attempt(work, Budget(quick=True, cancelled=cancelled), lane)
            except NotQuick:
                return await self._attempt(work, Budget(cancelled=cancelled), self._slow)
        finally:
            watcher.cancel()

    async def _attempt(self, work: Callable[[Budget], T], budget: Budget, lane: CapacityLimiter) -> T:
        if self._closed:
            budget.cancelled.set()
        self._running.add(budget)
        try:
            return await to_thread.run_sync(work, budget, limiter=lane)
        finally:
            self._running.discard(budget)

    def close(self) -> None:
        """Cancel all queries, current and future: the server ends."""
        self._closed = True
        for budget in tuple(self._running):
            budget.cancelled.set()


async def note_leaving(request: Request, cancelled: threading.Event) -> None:
    """Wait until the client leaves, then set `cancelled`. Call it after the whole request has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    cancelled.set()
