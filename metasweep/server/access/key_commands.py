"""metasweep server key new|list|revoke: keys for more people, each withdrawn by its name."""

from pathlib import Path

import click

from metasweep.server.access import keys
from metasweep.server.cli import Refused, data_dir_option


def existing(data_dir: Path) -> Path:
    """The data directory, or Refused: a key opens a server that there is."""
    if not (data_dir / "key").exists():
        raise Refused(f"there is no server in {data_dir}: name its directory with --data-dir")
    return data_dir


@click.group()
def key() -> None:
    """Make, list and withdraw keys. A running server heeds it at once."""


@key.command()
@click.argument("name")
@data_dir_option
def new(name: str, data_dir: Path) -> None:
    """Make a key and print it: this once, since only its hash is kept."""
    try:
        click.echo(keys.make(existing(data_dir), name))
    except keys.KeyProblem as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"cannot write to {data_dir} ({error.strerror})") from error


@key.command("list")
@data_dir_option
def list_keys(data_dir: Path) -> None:
    """List the names of the keys and when they were made."""
    try:
        found = keys.read(existing(data_dir))
    except keys.KeyProblem as error:
        raise Refused(str(error)) from error
    for one in found:
        click.echo(f"{one.created_at}  {one.name}")


@key.command()
@click.argument("name")
@data_dir_option
def revoke(name: str, data_dir: Path) -> None:
    """Withdraw the key of that name; who signed in with it is signed out."""
    try:
        keys.revoke(existing(data_dir), name)
    except keys.KeyProblem as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"cannot write to {data_dir} ({error.strerror})") from error
