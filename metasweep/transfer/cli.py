"""`metasweep push` and `metasweep pull`: between the embedded server and W&B's cloud, or any two servers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from metasweep.client import embedded
from metasweep.client.account import Account, resolve
from metasweep.client.protocol import NOT_FOUND, SweepName
from metasweep.client.sweep import answered, parse_name
from metasweep.client.transport import Refused, Transport
from metasweep.transfer.copying import Copied, copy_sweep
from metasweep.transfer.ends import Destination, Run, Source

Command = Callable[..., Any]


def options(command: Command) -> Command:
    """Add the options of both commands."""
    for option in (
        click.option("--project", help="Project of the copy. Default: that of the sweep."),
        click.option("--entity", help="Owner of the copy. Default: the owner of the key."),
        embedded.server_dir_option,
        click.argument("sweep", metavar="SWEEP"),
    ):
        command = option(command)
    return command


@click.command()
@options
def push(sweep: str, server_dir: Path, entity: str | None, project: str | None) -> None:
    """Copy SWEEP, with its runs, from the embedded server to W&B's cloud.

    The cloud is the server that `wandb login` or WANDB_BASE_URL names. What the copy already has is not
    copied again: run the command again after an interruption, or to add newer runs. Prints the name of the
    copy.
    """
    if not server_dir.exists():
        raise click.UsageError(
            f"there is no {server_dir.absolute()}: go to the server's folder, or name it by --server-dir"
        )
    cloud = of_environment()
    transfer(of_embedded(server_dir), cloud, sweep, entity, project)


@click.command()
@options
def pull(sweep: str, server_dir: Path, entity: str | None, project: str | None) -> None:
    """Copy SWEEP, with its runs, from W&B's cloud to the embedded server: an archive that needs no account.

    The cloud is the server that `wandb login` or WANDB_BASE_URL names. What the copy already has is not
    copied again: run the command again after an interruption, or to add newer runs. Prints the name of the
    copy.
    """
    transfer(of_environment(), of_embedded(server_dir), sweep, entity, project)


def of_environment() -> Account:
    """The account that wandb would use here. Raises: click.ClickException."""
    return resolve(os.environ, Path.cwd())


def of_embedded(server_dir: Path) -> Account:
    """Start the embedded server unless it runs; return its account. Raises: click.ClickException."""
    return resolve(os.environ | embedded.start_server(server_dir), Path.cwd())


def transfer(
    source_account: Account, account: Account, argument: str, entity: str | None, project: str | None
) -> None:
    """Copy the sweep and print the progress.

    Exit with 1 if a run was refused. Raises: click.ClickException.
    """
    source, destination = Source(source_account), Destination(account)
    if source_account.base_url == account.base_url:
        raise click.UsageError(
            f"{account.base_url} is source and destination: set WANDB_BASE_URL to the other server"
        )
    for end in (source, destination):
        watch(end)
    name = answered(source, lambda: find(source, argument))
    sweep = answered(source, lambda: read(source, name))
    owner = entity or answered(destination, destination.default_entity)
    home = project or name.project
    copy = answered(destination, lambda: destination.find_copy(name, owner, home)) or answered(
        destination, lambda: destination.make_copy(name, sweep, owner, home)
    )
    click.echo(f"{name} at {source_account.base_url} -> {copy} at {account.base_url}", err=True)
    with click.progressbar(length=0, label="runs", file=sys.stderr) as bar:

        def tell(_run: Run) -> None:
            bar.length = (bar.length or 0) + 1
            bar.update(1)

        result = answered(destination, lambda: copy_sweep(source, name, destination, copy, tell))
    say(result)
    click.echo(str(copy))
    sys.exit(1 if result.refused else 0)


def find(source: Source, argument: str) -> SweepName:
    """Return the sweep that SWEEP names at the source. Raises: Refused, Unreachable, click.UsageError."""
    name = parse_name(argument, source.account.entity, source.account.project)
    return SweepName(name.entity or source.default_entity(), name.project, name.id)


def read(source: Source, name: SweepName) -> dict[str, Any]:
    """Return the sweep. Raises: Refused, Unreachable; click.ClickException, if there is none."""
    try:
        return source.sweep(name)
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        raise click.ClickException(f"there is no sweep {name} at {source.account.base_url}") from error


def watch(end: Transport) -> None:
    """Report on standard error when a server is slow or throttles."""
    end.say = lambda text: click.echo(text, err=True)
    end.throttle.say = lambda seconds: click.echo(
        f"{end.account.base_url} is throttling this account: waiting {seconds:.0f} s", err=True
    )


def say(result: Copied) -> None:
    """Print what happened to the runs."""
    click.echo(result.summary, err=True)
    for run, why in result.refused.items():
        click.echo(f"Error: run {run} was refused: {' '.join(why.split())}", err=True)
