"""How to send what a run could not: `wandb sync`, in the form that the installed client understands."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

INCLUDE_ONLINE = "--include-online"


def command(folder: Path) -> str:
    """Return the command that sends all runs in wandb's `folder`.

    Newer clients skip the runs that were not offline, silently, unless they are told not to.
    """
    option = f"{INCLUDE_ONLINE} " if INCLUDE_ONLINE in options() else ""
    return f"wandb sync {option}{shlex.quote(str(folder))}/run-*"


def options() -> set[str]:
    """Return the options of the installed `wandb sync`."""
    from wandb.cli import cli

    found = cli.sync
    assert isinstance(found, click.Command)
    return {name for parameter in found.params for name in (*parameter.opts, *parameter.secondary_opts)}
