"""The embedded server on a data directory. It is started when it does not run, and keeps running."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click

ROOT = str(Path(__file__).resolve().parents[2])


def start_server(data_dir: str) -> dict[str, str]:
    """Start the server on `data_dir` unless it runs. Return the environment variables for its clients.

    Raises: click.ClickException, with the server's own message.
    """
    call("start", data_dir)
    lines = [shlex.split(line) for line in call("env", data_dir).splitlines()]
    return dict(words[1].split("=", 1) for words in lines if words[:1] == ["export"] and len(words) == 2)


def call(action: str, data_dir: str) -> str:
    """Run `metasweep server ACTION` and return its output."""
    command = [sys.executable, "-m", "metasweep", "server", action, "--server-dir", data_dir]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=with_root())
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines()
        message = words[-1].removeprefix("Error: ") if words else f"exit code {done.returncode}"
        raise click.ClickException(f"the embedded server did not start: {message}")
    return done.stdout


def with_root() -> dict[str, str]:
    """Return this environment, changed so that the tool's modules can be imported from any directory."""
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{path}" if path else ROOT}
