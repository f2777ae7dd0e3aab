"""The sweep that jobs shall work on, made sure of before they wait in a queue for it."""

from __future__ import annotations

from pathlib import Path

import click

from metasweep.client.account import Account
from metasweep.client.protocol import Client
from metasweep.client.sweep import is_file, open_sweep, read_file
from metasweep.cluster.values import parse_sweep

__all__ = ["is_file", "look_up", "take"]


def look_up(sweep: str, account: Account) -> str:
    """The full name of a sweep that exists; one given as a YAML file is created, once for all jobs.

    Raises click.UsageError and click.ClickException.
    """
    found = open_sweep(Client(account), sweep, None, None)
    if is_file(sweep):
        click.echo(f"Created the sweep {found.name}.", err=True)
    return str(found.name)


def take(sweep: str) -> str:
    """The name of a sweep without asking the server; a placeholder for one that a file describes.

    Raises click.UsageError.
    """
    if is_file(sweep):
        read_file(Path(sweep))
        return f"ENTITY/PROJECT/created-from-{Path(sweep).stem}"
    try:
        return parse_sweep(sweep)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
