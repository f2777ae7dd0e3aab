"""Finds mistakes that make every run of a sweep fail, before a sweep is made or a point is claimed."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from metasweep.agent.runs import runfiles
from metasweep.forks.processes.program import Program
from metasweep.forks.reading import files_of


def check(config: Mapping[str, Any], extra: Sequence[str]) -> None:
    """Check that the program of a sweep can be started from this folder. Raises: click.UsageError."""
    if fault := why_not(runfiles.program_of(config, extra, {})):
        raise click.UsageError(
            f"the sweep's program cannot be started from {Path.cwd()}: {fault}. "
            "Go to the program's folder, or correct the sweep's `command:` or `program:`"
        )


def why_not(program: Program) -> str:
    """Return why a program cannot be started here; empty if nothing is known against it."""
    if program.kind == "script":
        return "" if Path(program.name).exists() else f"there is no {program.name}"
    if program.kind == "module":
        top = program.name.partition(".")[0]
        known = files_of(Path.cwd(), top) or Path(top).is_dir() or importlib.util.find_spec(top)
        return "" if known else f"there is no module {top}, here or installed"
    words = program.words[1:] if program.words[:1] == ("/usr/bin/env",) else program.words
    command = words[0] if words else ""
    if not command or command.startswith("-") or "=" in command or shutil.which(command):
        return ""  # options and assignments of `env` may change where a command is looked for
    if Path(command).is_file() and "/" in command:
        return f"{command} is not executable (chmod +x {command})"
    return f"there is no command {command}"
