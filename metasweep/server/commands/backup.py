"""backup: copies the state while the server runs."""

import os
from pathlib import Path

import click

from metasweep.server.commands.options import data_dir_option
from metasweep.server.errors import Refused


@click.command()
@data_dir_option
@click.argument("target", type=click.Path(path_type=Path))
def backup(data_dir: Path, target: Path) -> None:
    """Copy everything to the new directory TARGET; the server may go on running.

    The copy is a data directory. To restore it, serve it with --server-dir TARGET.
    """
    from metasweep.server.backup import back_up

    os.umask(0o077)  # only its owner may read the copy
    try:
        back_up(data_dir, target)
    except OSError as error:
        raise Refused(f"the backup failed at {error.filename} ({error.strerror})") from error
    click.echo(target)
