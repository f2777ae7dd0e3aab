"""The sweep that jobs will work on. It is checked or created before the jobs wait in a queue."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import click

from metasweep.batch.files import replace_text
from metasweep.client.account import Account
from metasweep.client.protocol import Client
from metasweep.client.sweep import is_file, open_sweep, read_file
from metasweep.cluster.values import parse_sweep

CREATED = "created.json"
"""In the logs folder: sweeps that were created for jobs which the batch system then refused."""


def look_up(sweep: str, account: Account, logs: Path) -> str:
    """Return the full name of a sweep that exists. For a YAML file, create the sweep once for all jobs.

    If an earlier call created the sweep and its jobs were refused, that sweep is used, so that repeated
    attempts do not leave empty sweeps. Raises click.UsageError, click.ClickException.
    """
    client = Client(account)
    if not is_file(sweep):
        return str(open_sweep(client, sweep, None, None).name)
    read_file(Path(sweep))
    known, identity = read_created(logs), fingerprint(Path(sweep), account)
    if identity in known:
        click.echo(
            f"Using the sweep {known[identity]}, which was created for jobs that were refused.", err=True
        )
        return str(open_sweep(client, known[identity], None, None).name)
    name = str(open_sweep(client, sweep, None, None).name)
    click.echo(f"Created the sweep {name}.", err=True)
    write_created(logs, known | {identity: name})
    return name


def fingerprint(file: Path, account: Account) -> str:
    """Return an identifier for a file's content on one server."""
    return hashlib.sha256(account.base_url.encode() + file.read_bytes()).hexdigest()


def read_created(logs: Path) -> dict[str, str]:
    """Return the names of sweeps without jobs, by fingerprint."""
    try:
        return dict(json.loads((logs / CREATED).read_text("utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise click.ClickException(f"{logs / CREATED} is damaged ({error}): remove it") from error


def write_created(logs: Path, known: dict[str, str]) -> None:
    """Store them. Delete the file if there are none."""
    try:
        logs.mkdir(parents=True, exist_ok=True)
        if known:
            replace_text(logs / CREATED, json.dumps(known, indent=2) + "\n")
        else:
            (logs / CREATED).unlink(missing_ok=True)
    except OSError as error:
        raise click.ClickException(f"Cannot write to {logs}: {error}") from error


def forget_created(logs: Path, sweep: str) -> None:
    """Note that a sweep has jobs now: next time the same file creates a new sweep."""
    known = read_created(logs)
    if sweep in known.values():
        write_created(logs, {identity: name for identity, name in known.items() if name != sweep})


def take(sweep: str) -> str:
    """Return the name of a sweep without asking the server; for a file, a placeholder.

    Raises click.UsageError.
    """
    if is_file(sweep):
        read_file(Path(sweep))
        return f"ENTITY/PROJECT/created-from-{Path(sweep).stem}"
    try:
        return parse_sweep(sweep)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
