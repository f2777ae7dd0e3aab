"""An address on this machine that stays the same while the server moves from node to node.

`python -m metasweep.cluster.serving.relay FOLDER PORT_FILE PARENT` runs in a job of agents. It listens on the
loopback interface, writes its port to PORT_FILE, and forwards every connection to the server that FOLDER
names at that time. TLS is between client and server. While no server runs, connections are closed, and
clients try again. The relay ends with process PARENT, or, where that is `stdin`, when its standard input
ends. It ignores the signals that end a job, since agents still send data after them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from metasweep.batch.files import replace_text
from metasweep.client.account import Account
from metasweep.cluster.serving.place import Place

CHUNK = 1 << 16
WATCH_SECONDS = 1.0
POLL_SECONDS = 0.05
STDIN = "stdin"
started: list[subprocess.Popen[bytes]] = []
"""The relays beside this process. Each ends when its standard input, which is kept here, is closed."""


def open_account(place: Place) -> Account:
    """Return the server's account, through a relay beside this process.

    From then on this process trusts the server's certificate.

    Raises click.ClickException if no server runs.
    """
    if not place.address() or not place.key.exists():
        raise click.ClickException(
            f"no server runs for {place.folder} now; to look at the last copy of its state: "
            f"metasweep server start --server-dir {place.state}"
        )
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):  # Python's requests, wandb's core
        os.environ[name] = str(place.cert)
    key = place.key.read_text("utf-8").strip()
    return Account(f"https://127.0.0.1:{start_relay(place)}", key, key_from=str(place.key))


def start_relay(place: Place) -> int:
    """Start a relay that ends with this process; its port. Requests are made until the very end of that."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "port"
        words = [sys.executable, "-m", __name__, str(place.folder), str(file), STDIN]
        relay = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        started.append(relay)
        while not file.exists():
            if relay.poll() is not None:
                raise click.ClickException(f"no way to the server of {place.folder}: see above")
            time.sleep(POLL_SECONDS)
        return int(file.read_text("utf-8"))


async def listen(place: Place) -> asyncio.Server:
    """Listen on any free port of the loopback interface."""
    return await asyncio.start_server(lambda *streams: relay(place, *streams), "127.0.0.1", 0)


def port_of(server: asyncio.Server) -> int:
    """Return the port on which it listens."""
    return int(server.sockets[0].getsockname()[1])


async def relay(place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward one connection in both directions, until either side ends it."""
    try:
        address = place.address()
        if address is None:
            raise ConnectionRefusedError("no server runs now")
        upstream = await asyncio.open_connection(*address)
    except (OSError, ValueError):
        writer.close()
        return
    try:
        await asyncio.gather(copy(reader, upstream[1]), copy(upstream[0], writer))
    finally:
        for one in (writer, upstream[1]):
            one.close()


async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy data until it ends, then close the other side's input."""
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
        target.write_eof()


async def serve(place: Place, port_file: Path, parent: str) -> None:
    """Listen until the parent process has ended, or our standard input."""
    server = await listen(place)
    replace_text(port_file, str(port_of(server)))
    if parent == STDIN:
        await asyncio.to_thread(sys.stdin.read)
        return
    while is_alive(int(parent)):
        await asyncio.sleep(WATCH_SECONDS)


def is_alive(pid: int) -> bool:
    """Return whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main(folder: str, port_file: str, parent: str) -> None:
    """Serve until the parent process has ended, and leave at once.

    Connections end with this process. `asyncio.run` would cancel each of them, and complain of those that
    come meanwhile.
    """
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)
    asyncio.new_event_loop().run_until_complete(serve(Place(Path(folder)), Path(port_file), parent))
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
