"""The server process: its data directory, its socket, its start and end."""

import contextlib
import gc
import logging
import os
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import click
import uvicorn

from metasweep.client.embedded import OWN_HEADER
from metasweep.client.proxies import LOOPBACK
from metasweep.server import connections, datadir
from metasweep.server.access.keys import Keyring, check_secrets
from metasweep.server.app import make_app, open_server
from metasweep.server.context import Settings
from metasweep.server.errors import Refused
from metasweep.server.stream.files import collect_garbage

log = logging.getLogger("server")


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises OSError: the port is in use, or the address is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's algorithm, which costs 40 ms per answer, only if the protocol is IPPROTO_TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)  # if two processes have bound the port at the same time, the second fails here
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def collect_little() -> None:
    """Make Python's cyclic garbage collection visit few objects at a time, since no thread works meanwhile.

    Every GraphQL query leaves a cycle of some 60 objects: 200,000 of them take 0.3 s. But at Python's own
    thresholds, which visit all living objects often, a page of 22,200 runs took twice as long, and heartbeats
    waited a second.
    """
    gc.freeze()  # never collect the objects that exist now
    gc.set_threshold(10_000, 10, 100)


@dataclass(frozen=True)
class Front:
    """The address where the server listens, and the address for clients."""

    host: str
    port: int
    or_any_port: bool = False
    certfile: Path | None = None
    keyfile: Path | None = None
    behind_proxy: bool = False
    url: str | None = None

    def check_certificate(self) -> None:
        """Raise Refused unless the certificate and its key can be used."""
        if self.certfile is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certfile, self.keyfile)
        except OSError as error:  # includes SSLError
            files = f"{self.certfile}" + (f" with {self.keyfile}" if self.keyfile else "")
            raise Refused(f"no TLS with {files} ({error.strerror or error}): PEM files are needed") from error

    def listen(self) -> socket.socket:
        """Return the listening socket; raise Refused."""
        try:
            return listen(self.host, self.port)
        except OSError as error:
            if self.or_any_port:
                with contextlib.suppress(OSError):
                    return listen(self.host, 0)
            raise Refused(
                f"cannot listen on {self.host}:{self.port} ({error.strerror}): choose another --port"
            ) from error

    def local_address(self, port: int) -> str:
        """Return the URL of the server for programs on this machine."""
        name = "127.0.0.1" if self.host in ("0.0.0.0", "::", *LOOPBACK) else self.host
        scheme = "https" if self.certfile else "http"
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"

    def warning(self) -> str | None:
        """Return a warning for whoever starts the server; None if there is none."""
        if self.host in LOOPBACK:
            return None
        how = "over TLS" if self.certfile else "traffic is not encrypted: see --certfile, or use a proxy"
        return f"listening on {self.host}: others can reach it, {how}"


def serve_forever(front: Front, data_dir: Path, lease: float, max_attempts: int) -> None:
    """Open the data directory and serve until SIGTERM or Ctrl-C. Raises Refused, OSError."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    os.umask(0o077)  # all files are private to the owner
    front.check_certificate()
    datadir.make_folder(data_dir)
    datadir.hold(data_dir)
    check_secrets(data_dir)
    datadir.make_private(data_dir)
    listener = front.listen()
    server = open_server(Settings(data_dir.resolve(), lease=lease, max_attempts=max_attempts))
    keys = Keyring(data_dir)
    collect_garbage(server)
    local = front.local_address(listener.getsockname()[1])
    url = front.url or local
    if line := front.warning():
        click.echo(f"server: {line}", err=True)
    datadir.describe(data_dir, datadir.Running(url, local, os.getpid()))
    click.echo(f"server: {url} serves {data_dir}", err=True)
    description = data_dir / datadir.DESCRIPTION
    app = make_app(server, keys, front.behind_proxy, at_end=lambda: description.unlink(missing_ok=True))
    config = uvicorn.Config(
        app,
        http=connections.Connection,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # proxy.py handles them, if asked to
        headers=[(OWN_HEADER, "1")],
        ssl_certfile=front.certfile,
        ssl_keyfile=front.keyfile,
        timeout_keep_alive=connections.SILENCE,
        timeout_graceful_shutdown=5,
    )
    connections.allow_connections()
    collect_little()
    with contextlib.suppress(KeyboardInterrupt):
        connections.Server(config, app.state.lanes).run(sockets=[listener])
