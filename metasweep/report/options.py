"""What all commands share: which sweeps, from which server, which runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pandas as pd

from metasweep.report.errors import AnalysisError
from metasweep.report.read.study import Study

Command = Callable[..., Any]
DATA_DIR = Path(".metasweep")


def of_sweeps(command: Command, histories: bool = True) -> Command:
    """A command that takes a study as its first argument: SWEEP… and where to read them.

    Without `histories` the study has none, and is read with a request for every 500 runs instead of one for
    each run.
    """

    @click.argument("sweeps", nargs=-1, required=True, metavar="SWEEP...")
    @click.option("--local", is_flag=True, help="Read from the embedded server that runs here.")
    @click.option(
        "--server-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=DATA_DIR,
        show_default=True,
        help="Data directory of the embedded server, for --local.",
    )
    @click.option("--refresh", is_flag=True, help="Read again what is in the cache.")
    @functools.wraps(command)
    def reading(sweeps: tuple[str, ...], local: bool, server_dir: Path, refresh: bool, **options: Any) -> Any:
        study = read_study(sweeps, server_dir if local else None, refresh, histories)
        return command(study, **options)

    return reading


of_runs = functools.partial(of_sweeps, histories=False)


def selecting(command: Command) -> Command:
    """Option --where, for a command that takes a study."""

    @click.option("--where", metavar="EXPR", help="Only runs such as 'lr >= 0.001 and model == \"cnn\"'.")
    @functools.wraps(command)
    def selected(study: Study, where: str | None, **options: Any) -> Any:
        return command(study if where is None else subset(study, where), **options)

    return selected


def read_study(
    sweeps: tuple[str, ...], server_dir: Path | None, refresh: bool = False, histories: bool = True
) -> Study:
    """Connect and read, with a progress bar in a terminal."""
    from metasweep.report.progress import progress_bar
    from metasweep.report.read import api, connection  # wandb takes half a second, which --help does not need
    from metasweep.report.read.cache import HistoryCache, default_path

    cache = HistoryCache(default_path(), refresh=refresh) if histories else None
    if server_dir is not None:
        connection.use_local_server(server_dir)
    client = connection.connect()
    with progress_bar("Reading histories") as progress:
        return api.read(client, sweeps, cache, progress)


def subset(study: Study, expression: str) -> Study:
    """The runs for which an expression over the columns of `Study.runs` holds.

    Raises:
        click.BadParameter: not an expression, or of unknown columns.
    """
    try:
        mask = study.runs.eval(expression, engine="python")
    except Exception as error:  # pandas raises whatever the expression leads it to
        columns = ", ".join(study.runs.columns)
        hint = " (a word stands in quotes)" if isinstance(error, NameError) else ""
        message = f"{expression!r} cannot be evaluated: {error}{hint}. The columns are {columns}."
        raise click.BadParameter(message, param_hint="--where") from error
    if not isinstance(mask, pd.Series) or mask.dtype.kind != "b":
        raise click.BadParameter(
            f"{expression!r} is not a condition such as 'lr == 0.1'.", param_hint="--where"
        )
    if not mask.any():
        raise AnalysisError(f"No run fulfils {expression!r}.")
    return replace(study.select(mask), where=expression)
