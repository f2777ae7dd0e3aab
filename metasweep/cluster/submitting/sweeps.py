"""The sweep that jobs shall work on, made sure of before they wait in a queue for it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import click

from metasweep.client.account import Account
from metasweep.client.protocol import Client
from metasweep.client.sweep import is_file, open_sweep, read_file
from metasweep.cluster.values import parse_sweep

__all__ = ["forget_created", "is_file", "look_up", "take"]

CREATED = "created.json"
"""In the folder for the logs: sweeps that were created for jobs which the batch system then refused."""


def look_up(sweep: str, account: Account, logs: Path) -> str:
    """The full name of a sweep that exists; one given as a YAML file is created, once for all jobs.

    A sweep that an earlier call created for jobs that were refused is taken again, so that trying does not
    leave one empty sweep after the other. Raises click.UsageError and click.ClickException.
    """
    client = Client(account)
    if not is_file(sweep):
        return str(open_sweep(client, sweep, None, None).name)
    read_file(Path(sweep))
    known, identity = read_created(logs), fingerprint(Path(sweep), account)
    if identity in known:
        click.echo(
            f"Taking the sweep {known[identity]}, created before for jobs that were refused.", err=True
        )
        return str(open_sweep(client, known[identity], None, None).name)
    name = str(open_sweep(client, sweep, None, None).name)
    click.echo(f"Created the sweep {name}.", err=True)
    write_created(logs, known | {identity: name})
    return name


def fingerprint(file: Path, account: Account) -> str:
    """What tells a file's content on one server from others."""
    return hashlib.sha256(account.base_url.encode() + file.read_bytes()).hexdigest()


def read_created(logs: Path) -> dict[str, str]:
    """The names of sweeps without jobs, by fingerprint."""
    try:
        return dict(json.loads((logs / CREATED).read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise click.ClickException(f"{logs / CREATED} is damaged ({error}): remove it") from error


def write_created(logs: Path, known: dict[str, str]) -> None:
    """Keep them; without any, no file."""
    try:
        logs.mkdir(parents=True, exist_ok=True)
        if known:
            (logs / CREATED).write_text(json.dumps(known, indent=2) + "\n", "utf-8")
        else:
            (logs / CREATED).unlink(missing_ok=True)
    except OSError as error:
        raise click.ClickException(f"Cannot write to {logs}: {error}") from error


def forget_created(logs: Path, sweep: str) -> None:
    """A sweep has jobs now: the same file makes another one the next time."""
    known = read_created(logs)
    if sweep in known.values():
        write_created(logs, {identity: name for identity, name in known.items() if name != sweep})


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
