"""The files and the environment of one run, as wandb's own agent lays them out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from metasweep.agent.runs import command
from metasweep.client.sweep import Sweep
from metasweep.forks.messages import Start
from metasweep.forks.processes.program import Program, parse

SETTINGS = {
    # A run that is killed loses a second of its history at most, of what `wandb sync` sends: by default 15 s.
    "WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL": "1",
    # By default 90 s, as short as the window of a rate limit: a run that is refused for so long would fail.
    "WANDB_INIT_TIMEOUT": "300",
    # The client asks who we are, to print it, and at the end of a run reports on itself, and waits for that:
    # three requests, and a second of each run on W&B's cloud.
    "WANDB_X_DISABLE_VIEWER": "true",
    "WANDB_ERROR_REPORTING": "false",
}
QUICK = {"WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "1"}
"""Seconds between two pieces of history. The client's own 15 s are made for W&B's cloud and its limits."""


def settings(is_embedded: bool) -> dict[str, str]:
    """Return the settings of wandb for the runs on a server, where the user has set none."""
    return SETTINGS | (QUICK if is_embedded else {})


def wandb_folder() -> Path:
    """Return wandb's folder, where every run has one of its own."""
    return Path(os.environ.get("WANDB_DIR") or Path.cwd()) / "wandb"


def root() -> Path:
    """Return wandb's folder, after making it.

    Raises: click.ClickException, if nothing can be written there.
    """
    found = wandb_folder()
    try:
        found.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=found) as file:
            file.write(bytes(1 << 16))
    except OSError as error:
        raise click.ClickException(
            f"cannot write to {found} ({error.strerror}): set WANDB_DIR to another folder"
        ) from error
    return found


def make_folder(sweep_id: str) -> Path:
    """Return the folder for the files of this sweep's runs, made for its owner alone.

    Raises: click.ClickException, if it cannot be made, or the sweep's id names no folder.
    """
    if Path(sweep_id).name != sweep_id:
        raise click.ClickException(f"the server calls the sweep {sweep_id!r}: that is no sweep's id")
    here = wandb_folder() / f"sweep-{sweep_id}"
    try:
        here.mkdir(mode=0o700, parents=True, exist_ok=True)
        here.chmod(0o700)  # it may be there from a version that let others read it
    except OSError as error:
        raise click.ClickException(
            f"cannot write to {here} ({error.strerror}): set WANDB_DIR to another folder"
        ) from error
    return here


def program_of(sweep: Sweep, extra: Sequence[str], point: dict[str, Any], args_file: str = "") -> Program:
    """Return what the sweep's command runs for a point, with the user's extra arguments at its end."""
    words = command.expand(
        sweep.config.get("command"), sweep.config.get("program"), point, os.environ, args_file
    )
    return parse([*command.use_own_python(words), *extra])


def write(path: Path, text: str) -> None:
    """Write a file for a run. Raises: click.ClickException, with the way out, as on a full disk."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"cannot write {path} ({error.strerror}): make room, or set WANDB_DIR to another folder"
        ) from error


def prepare(sweep: Sweep, handed: dict[str, Any], point: dict[str, Any], extra: Sequence[str]) -> Start:
    """Write a run's configuration; return what starts it.

    Raises: click.ClickException, if it cannot be written, or the run's id names no file.
    """
    run_id = handed["run_id"]
    if Path(run_id).name != run_id:
        raise click.ClickException(f"the server calls a run {run_id!r}: that is no run's id")
    here = make_folder(sweep.name.id)
    parameters, args_file = here / f"config-{run_id}.yaml", here / f"config-{run_id}.json"
    text = yaml.safe_dump(handed.get("args", {}), sort_keys=False, allow_unicode=True)
    write(parameters, f"wandb_version: 1\n\n{text}" if point else "wandb_version: 1")
    if command.ARGS_FILE in (sweep.config.get("command") or ()):
        write(args_file, command.forms(point)["args_json"][0])
    program = program_of(sweep, extra, point, str(args_file))
    environ = {"WANDB_RUN_ID": run_id, "WANDB_SWEEP_PARAM_PATH": str(parameters)}
    return Start(run_id, program, environ, str(here / f"run-{run_id}.log"))
