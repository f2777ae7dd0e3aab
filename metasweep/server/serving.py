"""The server process: its data directory, its socket, and its end."""

import contextlib
import fcntl
import json
import logging
import os
import resource
import ssl
from dataclasses import dataclass
from pathlib import Path

import click
import uvicorn

from metasweep.server.access.keys import KeyProblem, Keyring
from metasweep.server.app import make_app, open_server
from metasweep.server.cli import LOCAL, Refused, free_socket
from metasweep.server.context import Settings
from metasweep.server.store.database import DatabaseRefused
from metasweep.server.stream.files import collect_garbage

# Agents call every 5 s and runs every 15 to 30 s: no connection is closed under a request on its way.
KEEP_ALIVE = 75
log = logging.getLogger("server")


def allow_connections() -> None:
    """As many open connections as the system lets a process have: an agent and its runs keep some each."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def lock(data_dir: Path) -> None:
    """Claim the data directory for this process until it ends; Refused when another has it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Refused(f"cannot write to {data_dir} ({error.strerror}): choose another --data-dir") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until the process ends
    except OSError as error:
        raise Refused(
            f"a server is already running on {data_dir}: stop it, or choose another --data-dir"
        ) from error


@dataclass(frozen=True)
class Front:
    """Where the server listens, and how clients get there."""

    host: str
    port: int
    certfile: Path | None = None
    keyfile: Path | None = None
    behind_proxy: bool = False
    url: str | None = None

    def check_certificate(self) -> None:
        """Refused unless the certificate and its key can be used."""
        if self.certfile is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.certfile, self.keyfile)
        except OSError as error:  # an SSLError is one
            files = f"{self.certfile}" + (f" with {self.keyfile}" if self.keyfile else "")
            raise Refused(f"no TLS with {files} ({error.strerror or error}): PEM files are needed") from error

    def local_address(self, port: int) -> str:
        """The URL at which a program on this machine reaches the server."""
        name = "127.0.0.1" if self.host in ("0.0.0.0", "::", *LOCAL) else self.host
        scheme = "https" if self.certfile else "http"
        return f"{scheme}://{f'[{name}]' if ':' in name else name}:{port}"

    def warning(self) -> str | None:
        """What whoever starts it should know."""
        if self.host in LOCAL:
            return None
        how = "over TLS" if self.certfile else "traffic is not encrypted: see --certfile, or use a proxy"
        return f"listening on {self.host}: others can reach it, {how}"


def serve_forever(front: Front, data_dir: Path, lease: float, max_attempts: int) -> None:
    """Open the data directory and serve until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    front.check_certificate()
    lock(data_dir)
    listener = free_socket(front.host, front.port)
    try:
        server = open_server(Settings(data_dir.resolve(), lease=lease, max_attempts=max_attempts))
        keys = Keyring(data_dir)
        collect_garbage(server)
    except (DatabaseRefused, KeyProblem) as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"cannot write to {data_dir} ({error.strerror}): choose another --data-dir") from error
    local = front.local_address(listener.getsockname()[1])
    url = front.url or local
    if line := front.warning():
        click.echo(f"server: {line}", err=True)
    description = data_dir / "server.json"
    description.write_text(json.dumps({"url": url, "local": local, "pid": os.getpid()}))
    click.echo(f"server: {url} serves {data_dir}", err=True)
    app = make_app(server, keys, front.behind_proxy, at_end=lambda: description.unlink(missing_ok=True))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # proxy.py does what is needed, when it is asked for
        ssl_certfile=front.certfile,
        ssl_keyfile=front.keyfile,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=5,
    )
    allow_connections()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
