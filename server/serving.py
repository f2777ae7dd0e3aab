"""The server process: its data directory, its socket, and its end."""

import contextlib
import fcntl
import json
import logging
import os
import resource
from pathlib import Path

import click
import uvicorn

from server.app import make_app, open_server
from server.auth import load_or_make_key
from server.cli import LOCAL, Refused, free_socket
from server.context import Settings
from server.database import DatabaseRefused
from server.files import collect_garbage

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


def address(host: str, port: int) -> str:
    """The URL at which a client on this machine reaches the server."""
    name = "127.0.0.1" if host in ("0.0.0.0", "::", *LOCAL) else host
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def serve_forever(host: str, port: int, data_dir: Path, lease: float, max_attempts: int) -> None:
    """Open the data directory and serve until SIGTERM or Ctrl-C."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    lock(data_dir)
    listener = free_socket(host, port)
    try:
        server = open_server(Settings(data_dir.resolve(), lease=lease, max_attempts=max_attempts))
        key = load_or_make_key(data_dir / "key")
        collect_garbage(server)
    except DatabaseRefused as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"cannot write to {data_dir} ({error.strerror}): choose another --data-dir") from error
    url = address(host, listener.getsockname()[1])
    if host not in LOCAL:
        click.echo(f"server: listening on {host}: others can reach it; traffic is not encrypted", err=True)
    description = data_dir / "server.json"
    description.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    click.echo(f"server: {url} serves {data_dir}", err=True)
    app = make_app(server, key, at_end=lambda: description.unlink(missing_ok=True))
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=5,
    )
    allow_connections()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
