"""env, start, stop: commands for a server in the background."""

import contextlib
import json
import os
import shlex
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click

from metasweep.client.proxies import without_loopback
from metasweep.server import datadir
from metasweep.server.access import keys
from metasweep.server.commands.options import cannot_write, data_dir_option, host_option, none_runs
from metasweep.server.commands.serve import PORT
from metasweep.server.datadir import Running, find_running, is_held, make_folder
from metasweep.server.errors import Refused

START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 30.0


def running(data_dir: Path) -> tuple[str, str]:
    """Return the (url, key) of the running server of a data directory, if it answers; raise Refused."""
    found, key = answering(data_dir)
    return found.url, key


def answering(data_dir: Path) -> tuple[Running, str]:
    """Return the running server of a data directory, if it answers, and its key; raise Refused."""
    found = find_running(data_dir)
    if found is not None:
        key = load_key(data_dir)
        if answers(found.local, key):
            return found, key
    raise none_runs(data_dir)


def load_key(data_dir: Path) -> str:
    """Return the server's own key; raise Refused."""
    try:
        return keys.load(data_dir / "key")
    except OSError as error:
        raise Refused(f"cannot read {data_dir / 'key'} ({error.strerror})") from error


def answers(url: str, key: str) -> bool:
    """Return whether the server at an address of this machine accepts the key.

    Proxies of the environment are not used, since they cannot reach this machine. The certificate is not
    checked: it may not name this address, and the lock file shows who listens there.
    """
    token = b64encode(f"api:{key}".encode()).decode()
    request = urllib.request.Request(
        f"{url}/graphql",
        data=b'{"query": "{ viewer { id } }"}',
        headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
    )
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unchecked())
    )
    try:
        with direct.open(request, timeout=5) as response:
            return json.load(response)["data"]["viewer"] is not None
    except (urllib.error.URLError, OSError, ValueError, KeyError, TypeError):
        return False


def unchecked() -> ssl.SSLContext:
    """Return a TLS context that does not check certificates."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@click.command()
@data_dir_option
def env(data_dir: Path) -> None:
    """Print shell lines that make wandb use this server."""
    url, key = running(data_dir)
    direct = without_loopback(os.environ, urlsplit(url).hostname or "")
    for name, value in {"WANDB_BASE_URL": url, "WANDB_API_KEY": key, **direct}.items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command()
@host_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help=f"Default: that of the last server here, else {PORT}; any free port if that is taken.",
)
@data_dir_option
def start(host: str, port: int | None, data_dir: Path) -> None:
    """Start a server in the background, unless this data directory has a running one. Print its address."""
    with contextlib.suppress(Refused):
        click.echo(running(data_dir)[0])
        return
    preferred = datadir.last_port(data_dir) or PORT
    wanted = ("--port", str(preferred), "--or-any-port") if port is None else ("--port", str(port))
    try:
        make_folder(data_dir)
        with tempfile.TemporaryFile(dir=data_dir) as file:
            # so that a full disk shows now: later the server could not even log it
            file.write(bytes(1 << 16))
        log = open(data_dir / "server.log", "ab", opener=private)  # noqa: SIM115 - Path has no opener
    except OSError as error:
        raise cannot_write(data_dir, error) from error
    begin = log.tell()
    command = [sys.executable, "-m", "metasweep", "server", "serve", "--host", host, *wanted]
    with log:
        process = subprocess.Popen(
            # A process group of its own, so that Ctrl-C does not reach it; the same session, so that it ends
            # with a batch job.
            [*command, "--server-dir", str(data_dir)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=os.setpgrp,
        )
    click.echo(wait_until_up(process, data_dir, begin))


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read."""
    return os.open(path, flags, 0o600)


def wait_until_up(process: subprocess.Popen, data_dir: Path, log_begin: int) -> str:
    """Return the address of a server that was just started, as soon as it answers.

    If another server has locked the directory first, its address is returned, and the process is ended. Left
    alone, it would serve the directory as soon as the other server is stopped.
    """
    up: Running | None = None
    try:
        up = first_that_answers(process, data_dir, log_begin)
        return up.url
    finally:
        if up is None or up.pid != process.pid:
            process.terminate()
            process.wait()


def first_that_answers(process: subprocess.Popen, data_dir: Path, log_begin: int) -> Running:
    """Return the server of a data directory, which may be this process; raise Refused, if none starts."""
    for _ in looks(START_TIMEOUT):
        if process.poll() is not None and not is_held(data_dir):
            lines = (data_dir / "server.log").read_bytes()[log_begin:].decode(errors="replace").splitlines()
            raise Refused(lines[-1].removeprefix("Error: ") if lines else "the server ended at once")
        with contextlib.suppress(Refused):
            return answering(data_dir)[0]
    raise Refused(f"the server did not answer within {START_TIMEOUT:g} s: see {data_dir / 'server.log'}")


def looks(timeout: float) -> Iterator[None]:
    """Yield several times a second until the timeout is over."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield
        time.sleep(0.02)


@click.command()
@data_dir_option
def stop(data_dir: Path) -> None:
    """End the running server of this data directory."""
    found = find_running(data_dir)
    if found is None:
        raise Refused(f"no server is running in {data_dir.absolute()}")
    with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
        os.kill(found.pid, signal.SIGTERM)
    for _ in looks(STOP_TIMEOUT):
        if not is_held(data_dir):
            return
    raise Refused(f"process {found.pid} has not ended yet")
