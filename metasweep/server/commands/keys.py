"""metasweep server key new|list|revoke: keys for more people, each revoked by its name."""

from pathlib import Path

import click

from metasweep.server.access import keys
from metasweep.server.commands.options import cannot_write, data_dir_option
from metasweep.server.errors import Refused


def existing(data_dir: Path) -> Path:
    """Return the data directory; raise Refused if no server has used it."""
    if not (data_dir / "key").exists():
        raise Refused(f"there is no server in {data_dir}: name its directory with --server-dir")
    return data_dir


@click.group()
def key() -> None:
    """Create, list and revoke keys. A running server applies changes at once."""


@key.command()
@click.argument("name")
@data_dir_option
def new(name: str, data_dir: Path) -> None:
    """Create a key and print it. It cannot be printed again, since only its hash is stored."""
    try:
        click.echo(keys.make(existing(data_dir), name))
    except OSError as error:
        raise cannot_write(data_dir, error) from error


@key.command("list")
@data_dir_option
def list_keys(data_dir: Path) -> None:
    """List the names of the keys and when each was created."""
    for one in keys.read(existing(data_dir)):
        click.echo(f"{one.created_at}  {one.name}")


@key.command()
@click.argument("name")
@data_dir_option
def revoke(name: str, data_dir: Path) -> None:
    """Revoke the key with that name. Whoever signed in with it is signed out."""
    try:
        keys.revoke(existing(data_dir), name)
    except OSError as error:
        raise cannot_write(data_dir, error) from error
