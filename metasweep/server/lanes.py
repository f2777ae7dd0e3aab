"""Where queries run: quick ones beside each other, slow ones a few at a time, none once its client has left.

Every query begins as a quick one. One that is not begins anew among the slow: however many of those are
asked, whoever asks for little does not wait for them. What changes something, as the heartbeats of agents do,
has a lane of its own.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from metasweep.server.budget import Budget, NotQuick

T = TypeVar("T")
AT_ONCE = 20  # quick queries, and changes: most of the time of both is waiting
SLOW_AT_ONCE = 2


class Lanes:
    """The threads in which documents are executed."""

    def __init__(self) -> None:
        self._changes = CapacityLimiter(AT_ONCE)
        self._quick, self._slow = CapacityLimiter(AT_ONCE), CapacityLimiter(SLOW_AT_ONCE)
        self._running: set[Budget] = set()
        self._closed = False

    async def run(self, request: Request, work: Callable[[Budget], T], changes: bool) -> T:
        """The outcome of some work in a thread, which is given up when the client leaves.

        Whether it changes something need only be right most of the time: it decides who waits for whom.
        """
        given_up = threading.Event()
        watcher = asyncio.create_task(note_leaving(request, given_up))
        try:
            try:
                lane = self._changes if changes else self._quick
                return await self._attempt(work, Budget(quick=True, given_up=given_up), lane)
            except NotQuick:
                return await self._attempt(work, Budget(given_up=given_up), self._slow)
        finally:
            watcher.cancel()

    async def _attempt(self, work: Callable[[Budget], T], budget: Budget, lane: CapacityLimiter) -> T:
        if self._closed:
            budget.given_up.set()
        self._running.add(budget)
        try:
            return await to_thread.run_sync(work, budget, limiter=lane)
        finally:
            self._running.discard(budget)

    def close(self) -> None:
        """Give up all that is under way, and whatever comes: the server ends."""
        self._closed = True
        for budget in tuple(self._running):
            budget.given_up.set()


async def note_leaving(request: Request, given_up: threading.Event) -> None:
    """Wait until the client leaves, and say so. To be called when the whole request has been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    given_up.set()
