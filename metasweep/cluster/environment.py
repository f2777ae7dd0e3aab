"""The Python environment of the jobs: which one it is, and whether the tool is installed in it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from metasweep.cluster.target import Target

SECONDS = 60
"""For the start of Python from shared storage."""


def choose(folder: Path, in_image: bool) -> Path | None:
    """Return the environment for a folder's program: its .venv, else the one of this command."""
    if in_image or (folder / ".venv").is_dir() or sys.prefix == sys.base_prefix:
        return None  # job.sh then looks for .venv, and for python3
    return Path(sys.prefix)


def check(target: Target) -> None:
    """Raise click.ClickException if the jobs' Python lacks the tool: every job would end at its start.

    What an image or modules bring along cannot be seen from here, nor a Python that does not start here.
    """
    venv = target.venv or target.project.folder / ".venv"
    python = venv / "bin" / "python"
    if target.image or target.modules or not python.exists():
        return
    try:
        process = subprocess.run(
            [python, "-c", "import metasweep.cli"],
            cwd=target.project.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    if "ModuleNotFoundError" in process.stderr:
        lacking = process.stderr.strip().splitlines()[-1].partition(": ")[2]
        raise click.ClickException(
            f"the jobs would run {python}, where metasweep is not installed ({lacking}): install it there, "
            "or name another environment with --venv"
        )
