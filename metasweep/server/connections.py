"""Connections that say nothing, or stop in mid-request: closed in time, before they take others' places."""

import asyncio
import resource
from collections.abc import Iterable
from types import FrameType

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from metasweep.server.lanes import Lanes

# Seconds. Agents call every 5 s, runs every 15 to 30 s: no connection is closed under a request on its way.
SILENCE = 75
HEAD = 30  # from the first byte of a request to the end of its headers
PAUSE = 60  # between two pieces of a body
RESERVE = 512  # open files for the database, uploads and downloads
TICKS = 10  # of uvicorn's clock a second


def allow_connections() -> None:
    """As many open connections as the system lets a process have: an agent and its runs keep some each."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def most_connections() -> int:
    """How many connections leave enough open files for everything else."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most - min(RESERVE, most // 2)


class Connection(HttpToolsProtocol):
    """A connection of uvicorn that knows when it last heard of its client."""

    heard = 0.0
    begun: float | None = None
    """When the headers began that are not complete yet."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.heard = self.loop.time()
        super().connection_made(transport)
        make_room(self.connections)

    def data_received(self, data: bytes) -> None:
        self.heard = self.loop.time()
        super().data_received(data)

    def on_message_begin(self) -> None:
        self.begun = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.begun = None
        super().on_headers_complete()

    def waits(self) -> bool:
        """Whether it has no request to answer."""
        return self.cycle is None or self.cycle.response_complete

    def is_overdue(self, now: float) -> bool:
        """Whether its client has been silent for too long."""
        if self.begun is not None:
            return now - self.begun > HEAD
        if self.waits():
            return now - self.heard > SILENCE
        return self.cycle.more_body and not self.flow.read_paused and now - self.heard > PAUSE


def make_room(connections: Iterable[object]) -> None:
    """Close the connection that has waited longest when there are too many; one never used goes first."""
    ours = [each for each in connections if isinstance(each, Connection)]
    idle = [each for each in ours if each.waits()] if len(ours) > most_connections() else []
    if idle:
        min(idle, key=lambda each: (each.cycle is not None, each.heard)).transport.close()


class Server(uvicorn.Server):
    """uvicorn's server: it closes overdue connections, and gives up long queries when it is told to end."""

    def __init__(self, config: uvicorn.Config, lanes: Lanes) -> None:
        super().__init__(config)
        self._lanes = lanes

    async def on_tick(self, counter: int) -> bool:
        """Look for overdue connections once a second."""
        if counter % TICKS == 0:
            for each in tuple(self.server_state.connections):
                if isinstance(each, Connection) and each.is_overdue(each.loop.time()):
                    each.transport.close()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end."""
        self._lanes.close()
        super().handle_exit(sig, frame)
