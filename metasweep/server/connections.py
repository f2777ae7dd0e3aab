"""Closes connections that are silent or stop in the middle of a request, before they use up all places."""

import asyncio
import resource
from collections.abc import Iterable
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from metasweep.server.lanes import Lanes

# Seconds. Agents send every 5 s, runs every 15 to 30 s, so no connection closes while a request is on its
# way.
SILENCE = 75
HEAD = 30  # from the first byte of a request to the end of its headers
PAUSE = 60  # between two pieces of a body
RESERVE = 512  # open files for the database, uploads and downloads
TICKS = 10  # per second, of uvicorn's clock


def allow_connections() -> None:
    """Allow as many open connections as the system lets a process have.

    Each agent and each run keeps some open.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def most_connections() -> int:
    """Return how many connections leave enough open files for everything else."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most - min(RESERVE, most // 2)


class Connection(HttpToolsProtocol):
    """A connection of uvicorn that knows when its client last sent something."""

    last_received = 0.0
    begun: float | None = None
    """When the headers began that are still incomplete."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.last_received = self.loop.time()
        super().connection_made(transport)
        make_room(self.connections)

    def data_received(self, data: bytes) -> None:
        self.last_received = self.loop.time()
        super().data_received(data)

    def on_message_begin(self) -> None:
        self.begun = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.begun = None
        super().on_headers_complete()

    def waits(self) -> bool:
        """Return whether it has no request to answer."""
        return self.cycle is None or self.cycle.response_complete

    def is_overdue(self, now: float) -> bool:
        """Return whether its client has been silent for too long."""
        if self.begun is not None:
            return now - self.begun > HEAD
        if self.waits():
            return now - self.last_received > SILENCE
        return self.cycle.more_body and not self.flow.read_paused and now - self.last_received > PAUSE


def make_room(connections: Iterable[object]) -> None:
    """Close a connection if there are too many.

    It is the one that has waited longest, or one that was never used.
    """
    ours = [each for each in connections if isinstance(each, Connection)]
    idle = [each for each in ours if each.waits()] if len(ours) > most_connections() else []
    if idle:
        min(idle, key=lambda each: (each.cycle is not None, each.last_received)).transport.close()


class Server(uvicorn.Server):
    """uvicorn's server. It also closes overdue connections, and cancels long queries when it ends."""

    def __init__(self, config: uvicorn.Config, lanes: Lanes) -> None:
        super().__init__(config)
        self._lanes = lanes

    async def on_tick(self, counter: int) -> bool:
        """Check for overdue connections once a second."""
        if counter % TICKS == 0:
            for each in tuple(self.server_state.connections):
                if isinstance(each, Connection) and each.is_overdue(each.loop.time()):
                    each.transport.close()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._lanes.close()
        super().handle_exit(sig, frame)
