"""`--extend SWEEP`: a sweep that was made larger runs only the points that no earlier run has finished."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from metasweep.client import sweep
from metasweep.client.protocol import Client
from metasweep.client.sweep import Sweep
from metasweep.sweeps.grid import Grid, identity, value_of_run
from metasweep.sweeps.parameters import read_parameters
from metasweep.sweeps.states import FINISHED

ABSENT, VARYING = object(), object()
Path = tuple[str, ...]


def read_earlier(client: Client, names: Sequence[str]) -> list[Sweep]:
    """Read the earlier sweeps.

    Raises: click.UsageError, click.ClickException.
    """
    if files := [name for name in names if sweep.is_file(name)]:
        raise click.UsageError(
            f"--extend takes the name of a sweep that was run, ENTITY/PROJECT/ID, not {files[0]}"
        )
    account = client.account
    return [sweep.open_sweep(client, name, account.entity, account.project) for name in names]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return in words what differs for all points: constants, parameters, the program, the command."""
    before, after = parameters(old), parameters(new)
    found = []
    for path in dict.fromkeys([*before, *after]):
        was, now = before.get(path, ABSENT), after.get(path, ABSENT)
        # What varies now is no difference: a run that had one of its values is found by that.
        # What varied before and is gone is one: runs with all its values would pass for the same point.
        if now is ABSENT or (VARYING not in (was, now) and identity(was) != identity(now)):
            found.append(f"{'.'.join(path)}: {text(was)} → {text(now)}")
    for key in ("program", "command"):
        if old.get(key) != new.get(key):
            found.append(f"{key}: {text(old.get(key, ABSENT))} → {text(new.get(key, ABSENT))}")
    return found


def parameters(config: Mapping[str, Any]) -> dict[Path, Any]:
    """Return every parameter of a config by its path: the value of a constant, VARYING for others."""
    return {each.path: VARYING for each in read_parameters(config)} | constants(config)


def constants(config: Mapping[str, Any]) -> dict[Path, Any]:
    """Return the constants of a config, by their path."""
    found = read_parameters(config)
    return {each.path: each.settings["value"] for each in found if each.distribution == "constant"}


def text(value: Any) -> str:
    """Return a value as text."""
    if value is ABSENT:
        return "nothing"
    return "several values" if value is VARYING else str(value)


def confirm(earlier: Sequence[Sweep], config: Mapping[str, Any]) -> None:
    """Ask the user before all points are run again because something that they share has changed.

    Raises: click.Abort if the user says no; click.UsageError if nobody can be asked.
    """
    for old in earlier:
        found = changes(old.config, config)
        if not found:
            continue
        words = f"{old.name} was run with {'; '.join(found)}: all of its points would be run again"
        if not sys.stdin.isatty():
            raise click.UsageError(f"{words}. If that is meant, leave --extend out")
        click.confirm(f"{words}. Go on?", abort=True)


def finished_points(client: Client, earlier: Sequence[Sweep], config: Mapping[str, Any]) -> set[int]:
    """Return the points of a grid that a run of the earlier sweeps has finished."""
    grid, fixed = Grid(config), constants(config)
    found: set[int] = set()
    for old in earlier:
        if changes(old.config, config):
            continue  # the user has confirmed: with other constants these are other points
        varied = {path: value for path, value in fixed.items() if path not in constants(old.config)}
        for _, state, values in client.runs(old.name):
            same = all(
                identity(value_of_run(values, path)) == identity(value) for path, value in varied.items()
            )
            index = grid.index(values) if same and state == FINISHED else None
            if index is not None:
                found.add(index)
    return found
