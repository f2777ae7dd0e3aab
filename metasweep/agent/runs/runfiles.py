"""The files and the environment of one run, in the same places as with wandb's own agent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml

from metasweep.agent.runs import command
from metasweep.client.sweep import Sweep
from metasweep.forks.messages import Start
from metasweep.forks.processes.program import Program, parse

SETTINGS = {
    # How often wandb writes its transaction log, the file that `wandb sync` sends. A killed run loses at most
    # this much of its history. wandb's default is 15 s.
    "WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL": "1",
    # wandb's default is 90 s, about the window of a rate limit. A run that waits that long would fail.
    "WANDB_INIT_TIMEOUT": "300",
    # At each start the client asks who the user is, only to print it. At each end it reports on itself and
    # waits for the answer. Without both a run saves three requests, about a second on W&B's cloud.
    "WANDB_X_DISABLE_VIEWER": "true",
    "WANDB_ERROR_REPORTING": "false",
}
QUICK = {"WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL": "1"}
"""Seconds between two uploads of history. The client's default of 15 s suits W&B's cloud and its limits."""


def settings(is_embedded: bool) -> dict[str, str]:
    """Return the wandb settings of the runs on a server, without those that the user has set."""
    return SETTINGS | (QUICK if is_embedded else {})


def wandb_folder() -> Path:
    """Return wandb's folder, which has a folder for every run."""
    return Path(os.environ.get("WANDB_DIR") or Path.cwd()) / "wandb"


def root() -> Path:
    """Return wandb's folder; create it if needed.

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
    """Create the folder for the files of this sweep's runs, readable by its owner alone.

    Raises: click.ClickException, if the folder cannot be created, or the sweep's id is no valid folder name.
    """
    if Path(sweep_id).name != sweep_id:
        raise click.ClickException(f"the server calls the sweep {sweep_id!r}: that is not a valid id")
    here = wandb_folder() / f"sweep-{sweep_id}"
    try:
        here.mkdir(mode=0o700, parents=True, exist_ok=True)
        here.chmod(0o700)  # an older version may have left it readable for others
    except OSError as error:
        raise click.ClickException(
            f"cannot write to {here} ({error.strerror}): set WANDB_DIR to another folder"
        ) from error
    return here


def program_of(
    config: Mapping[str, Any], extra: Sequence[str], point: dict[str, Any], args_file: str = ""
) -> Program:
    """Return what the command of a sweep's config runs for a point. The user's extra arguments come last."""
    words = command.expand(config.get("command"), config.get("program"), point, os.environ, args_file)
    return parse([*command.use_own_python(words), *extra])


def write(path: Path, text: str) -> None:
    """Write a file for a run. Raises: click.ClickException, which says what to do (as on a full disk)."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"cannot write {path} ({error.strerror}): make room, or set WANDB_DIR to another folder"
        ) from error


def prepare(sweep: Sweep, handed: dict[str, Any], point: dict[str, Any], extra: Sequence[str]) -> Start:
    """Write a run's configuration; return what is needed to start it.

    Raises: click.ClickException, if the file cannot be written, or the run's id is no valid file name.
    """
    run_id = handed["run_id"]
    if Path(run_id).name != run_id:
        raise click.ClickException(f"the server calls a run {run_id!r}: that is not a valid id")
    here = make_folder(sweep.name.id)
    parameters, args_file = here / f"config-{run_id}.yaml", here / f"config-{run_id}.json"
    text = yaml.safe_dump(handed.get("args", {}), sort_keys=False, allow_unicode=True)
    write(parameters, f"wandb_version: 1\n\n{text}" if point else "wandb_version: 1")
    if command.ARGS_FILE in (sweep.config.get("command") or ()):
        write(args_file, command.forms(point)["args_json"][0])
    program = program_of(sweep.config, extra, point, str(args_file))
    environ = {"WANDB_RUN_ID": run_id, "WANDB_SWEEP_PARAM_PATH": str(parameters)}
    return Start(run_id, program, environ, str(here / f"run-{run_id}.log"))
