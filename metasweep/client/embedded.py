"""The embedded server of a folder, called as a person would call it: `metasweep server …`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click

ROOT = str(Path(__file__).resolve().parents[2])
OWN_HEADER = "X-Metasweep"  # in each of its answers: it has no rate limit
SERVER_DIR = Path(".metasweep")
SERVER_DIR_HELP = "Folder in which the embedded server keeps its state; on a local disk."

server_dir_option = click.option(
    "--server-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=SERVER_DIR,
    show_default=True,
    help=SERVER_DIR_HELP,
)
"""--server-dir, for the commands that are clients of the server."""


def start_server(server_dir: str | Path) -> dict[str, str]:
    """Start the server unless it runs; it keeps running. Return the environment variables for its clients.

    Raises: click.ClickException, with the server's own message.
    """
    try:
        call("start", server_dir)
    except click.ClickException as error:
        raise click.ClickException(f"the embedded server did not start: {error.message}") from error
    return variables(server_dir)


def variables(server_dir: str | Path) -> dict[str, str]:
    """Return the environment variables for clients of the running server.

    Raises: click.ClickException, with the server's own message, if none runs.
    """
    lines = [shlex.split(line) for line in call("env", server_dir).splitlines()]
    return dict(words[1].split("=", 1) for words in lines if words[:1] == ["export"] and len(words) == 2)


def call(action: str, server_dir: str | Path) -> str:
    """Run `metasweep server ACTION` and return its output. Raises: click.ClickException."""
    command = [sys.executable, "-m", "metasweep", "server", action, "--server-dir", str(server_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=with_root())
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        message = words[-1].removeprefix("Error: ") if words else f"exit code {done.returncode}"
        raise click.ClickException(message)
    return done.stdout


def with_root() -> dict[str, str]:
    """Return this environment, changed so that the tool's modules can be imported from any directory."""
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{path}" if path else ROOT}
