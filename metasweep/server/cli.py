"""The commands: serve, env, start, stop, backup; those for keys are in key_commands."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

DATA_DIR = Path(".metasweep")
PORT = 8080
START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 30.0
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
LOCAL = ("127.0.0.1", "localhost", "::1")


class Refused(click.ClickException):
    """One line that names the mistake and the way out; exit code 1."""


def data_dir_option(command: Any) -> Any:
    """--data-dir, the same for every command."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=DATA_DIR,
        show_default=True,
        help="Where the server keeps its state; on a local disk.",
    )(command)


def describe_running(data_dir: Path) -> dict[str, Any] | None:
    """What server.json says of the server that holds the data directory's lock, if one does."""
    try:
        with (data_dir / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        with contextlib.suppress(OSError, ValueError):
            return json.loads((data_dir / "server.json").read_text())
    except OSError:
        pass  # no such directory: no server
    return None


def answers(url: str, key: str) -> bool:
    """Whether the server at an address of this machine takes the key.

    A certificate is not checked: it need not name this address, and the lock says who listens there.
    """
    token = b64encode(f"api:{key}".encode()).decode()
    request = urllib.request.Request(
        f"{url}/graphql",
        data=b'{"query": "{ viewer { id } }"}',
        headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=5, context=unchecked()) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False


def unchecked() -> ssl.SSLContext:
    """TLS without a look at the certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def running(data_dir: Path) -> tuple[str, str]:
    """(url, key) of the server that runs on a data directory, or Refused."""
    description = describe_running(data_dir)
    key_file = data_dir / "key"
    if description and key_file.exists():
        key = key_file.read_text().strip()
        if answers(description["local"], key):
            return description["url"], key
    raise Refused(
        f"no server is running on {data_dir}: start one with metasweep server start --data-dir {data_dir}"
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The embedded server: speaks the W&B protocol and keeps its state in one directory."""


def check_url(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    """Read the value of --url."""
    if text is None:
        return None
    found = urlsplit(text)
    if found.scheme not in ("http", "https") or not found.netloc:
        raise click.UsageError("--url begins with http:// or https:// and a host")
    if found.path.strip("/") or found.query or found.fragment:  # uploads and links would go past it
        raise click.UsageError(
            "--url: no path after the host: give the server a host name or a port of its own"
        )
    return text.rstrip("/")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0: any free port."
)
@data_dir_option
@click.option(
    "--lease",
    default=300.0,
    show_default=True,
    type=click.FloatRange(min=1),
    help="Seconds without a heartbeat after which a run has crashed.",
)
@click.option(
    "--max-attempts",
    default=3,
    show_default=True,
    type=click.IntRange(min=1),
    help="Runs that a point of a sweep may have before it is given up.",
)
@click.option("--certfile", type=FILE, help="Certificate chain, PEM: serve HTTPS.")
@click.option("--keyfile", type=FILE, help="Its private key, where the certificate's file lacks it.")
@click.option(
    "--behind-proxy", is_flag=True, help="Believe X-Forwarded-Proto and X-Forwarded-Host: a proxy sets them."
)
@click.option(
    "--url",
    callback=check_url,
    help="The address that `env` prints, where clients use another than HOST:PORT.",
)
def serve(data_dir: Path, lease: float, max_attempts: int, **front: Any) -> None:
    """Serve until told to stop."""
    from metasweep.server.serving import Front, serve_forever  # the other commands do without its imports

    if front["keyfile"] and not front["certfile"]:
        raise click.UsageError("--keyfile goes with --certfile")
    serve_forever(Front(**front), data_dir, lease, max_attempts)


@main.command()
@data_dir_option
def env(data_dir: Path) -> None:
    """Print the lines that make a shell's wandb use this server."""
    url, key = running(data_dir)
    click.echo(f"export WANDB_BASE_URL={url}\nexport WANDB_API_KEY={key}")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help=f"Default: {PORT}, or any free port if that is taken."
)
@data_dir_option
def start(host: str, port: int | None, data_dir: Path) -> None:
    """Start a server in the background, unless one runs on this data directory; print its address."""
    with contextlib.suppress(Refused):
        click.echo(running(data_dir)[0])
        return
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        log = (data_dir / "server.log").open("ab")
    except OSError as error:
        raise Refused(f"cannot write to {data_dir} ({error.strerror}): choose another --data-dir") from error
    begin = log.tell()
    command = [
        sys.executable,
        "-m",
        "metasweep",
        "server",
        "serve",
        "--host",
        host,
        "--port",
        str(usual_port(host) if port is None else port),
        "--data-dir",
        str(data_dir),
    ]
    with log:
        process = subprocess.Popen(
            # A group of its own, which Ctrl-C does not reach; the same session, to end with a batch job.
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=os.setpgrp,
        )
    click.echo(wait_until_up(process, data_dir, begin))


def wait_until_up(process: subprocess.Popen, data_dir: Path, log_begin: int) -> str:
    """The address of a server that was just started, as soon as it answers."""
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            lines = (data_dir / "server.log").read_bytes()[log_begin:].decode(errors="replace").splitlines()
            raise Refused(lines[-1].removeprefix("Error: ") if lines else "the server ended at once")
        with contextlib.suppress(Refused):
            return running(data_dir)[0]
        time.sleep(0.02)
    process.terminate()
    raise Refused(f"the server did not answer within {START_TIMEOUT:g} s: see {data_dir / 'server.log'}")


@main.command()
@data_dir_option
def stop(data_dir: Path) -> None:
    """End the server that runs on this data directory."""
    description = describe_running(data_dir)
    if description is None:
        raise Refused(f"no server is running on {data_dir}")
    os.kill(description["pid"], signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while describe_running(data_dir) and time.monotonic() < deadline:
        time.sleep(0.02)
    if describe_running(data_dir):
        raise Refused(f"process {description['pid']} has not ended yet")


@main.command()
@data_dir_option
@click.argument("target", type=click.Path(path_type=Path))
def backup(data_dir: Path, target: Path) -> None:
    """Copy everything to the new directory TARGET, also while the server runs.

    The copy is itself a data directory: to restore it, serve it with --data-dir TARGET.
    """
    from metasweep.server.store.backup import NoBackup, back_up

    try:
        back_up(data_dir, target)
    except NoBackup as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"the backup failed at {error.filename} ({error.strerror})") from error
    click.echo(target)


def usual_port(host: str) -> int:
    """The usual port, or 0, which is any, where it cannot be had."""
    try:
        free_socket(host, PORT).close()
    except Refused:
        return 0
    return PORT


def free_socket(host: str, port: int) -> socket.socket:
    """A listening socket, or Refused: in use, or not ours to bind."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns off Nagle's algorithm, which costs 40 ms per answer, only where it reads IPPROTO_TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Refused(f"cannot listen on {host}:{port} ({error.strerror}): choose another --port") from error
    listener.listen(2048)
    listener.set_inheritable(True)
    return listener
