"""Options that the commands share."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from metasweep.client.embedded import SERVER_DIR, SERVER_DIR_HELP
from metasweep.server.datadir import check_owner
from metasweep.server.errors import Refused

Command = TypeVar("Command", bound=Callable[..., Any])


def own_folder(_context: click.Context, _parameter: click.Parameter, data_dir: Path) -> Path:
    """Read the value of --server-dir. Another user's folder is refused."""
    try:
        check_owner(data_dir)
    except OSError as error:
        raise Refused(f"cannot look at {data_dir} ({error.strerror}): choose another --server-dir") from error
    return data_dir


class ServerDir(click.Option):
    """--server-dir as in all commands. The older name --data-dir still works but is not shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Describe the option under its current name only."""
        record = super().get_help_record(ctx)
        return record and (record[0].replace(", --data-dir", ""), record[1])


def data_dir_option(command: Command) -> Command:
    """--server-dir, the same for every command."""
    return click.option(
        "--server-dir",
        "--data-dir",
        "data_dir",
        cls=ServerDir,
        type=click.Path(path_type=Path, file_okay=False),
        callback=own_folder,
        default=SERVER_DIR,
        show_default=True,
        help=SERVER_DIR_HELP,
    )(command)


def host_option(command: Command) -> Command:
    """--host, the same wherever a server begins."""
    return click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")(
        command
    )


def cannot_write(data_dir: Path, error: OSError) -> Refused:
    """Return the error for a disk that is full or cannot be written."""
    where = error.filename or data_dir
    return Refused(f"cannot write to {where} ({error.strerror or error}): choose another --server-dir")


def none_runs(data_dir: Path) -> Refused:
    """Return the error for a command that needs a running server."""
    place = "" if data_dir == SERVER_DIR else f" --server-dir {shlex.quote(str(data_dir))}"
    start = f"start one with metasweep server start{place}"
    if not data_dir.exists():
        missing = f"no server is running here, and there is no {data_dir.absolute()}"
        return Refused(f"{missing}: go to the server's folder, or {start}")
    return Refused(f"no server is running in {data_dir.absolute()}: {start}")
