"""What the commands share: where the state is, and the server that runs on it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from metasweep.server.datadir import check_owner
from metasweep.server.errors import Refused

DATA_DIR = Path(".metasweep")
Command = TypeVar("Command", bound=Callable[..., Any])


def own_folder(_context: click.Context, _parameter: click.Parameter, data_dir: Path) -> Path:
    """Read the value of --data-dir: what lies in somebody else's folder is not believed."""
    try:
        check_owner(data_dir)
    except OSError as error:
        raise Refused(f"cannot look at {data_dir} ({error.strerror}): choose another --data-dir") from error
    return data_dir


def data_dir_option(command: Command) -> Command:
    """--data-dir, the same for every command."""
    return click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        callback=own_folder,
        default=DATA_DIR,
        show_default=True,
        help="Where the server keeps its state; on a local disk.",
    )(command)


def host_option(command: Command) -> Command:
    """--host, the same wherever a server begins."""
    return click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")(
        command
    )


def cannot_write(data_dir: Path, error: OSError) -> Refused:
    """What to do about a disk that is full, or not to be written to."""
    where = error.filename or data_dir
    return Refused(f"cannot write to {where} ({error.strerror or error}): choose another --data-dir")


def none_runs(data_dir: Path) -> Refused:
    """What to do where a server is needed and there is none."""
    return Refused(
        f"no server is running on {data_dir}: start one with metasweep server start --data-dir {data_dir}"
    )
