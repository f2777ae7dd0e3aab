"""Options of all commands: which sweeps, from which server, which runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import click
import pandas as pd

from metasweep.client.embedded import server_dir_option
from metasweep.page.filters import FilterError, compile_filter
from metasweep.report.base.errors import AnalysisError
from metasweep.report.base.words import one_line
from metasweep.report.read.metrics import NOTHING_ASKED
from metasweep.report.read.quantities import Asked
from metasweep.report.read.study import SEED, Study

Command = Callable[..., Any]


def of_sweeps(command: Command, histories: bool = True) -> Command:
    """Make a command that takes a study as its first argument: SWEEP… and where to read them.

    Without `histories` only those histories are read that the metric needs: one request for every 500 runs
    instead of one for each run.
    """

    @click.argument("sweeps", nargs=-1, required=True, metavar="SWEEP...")
    @click.option("--local", is_flag=True, help="Read from the embedded server that runs here.")
    @server_dir_option
    @click.option("--refresh", is_flag=True, help="Read everything again, without the cache.")
    @click.option("--metric", default="", help="Metric to choose by, instead of the sweep's own.")
    @click.option(
        "--goal",
        type=click.Choice(["maximize", "minimize"]),
        help="Whether large or small values are better.",
    )
    @click.option(
        "--unit", default="", help="Of the metric: fraction, percent, or a text that follows its numbers."
    )
    @click.option(
        "--seed", metavar="NAME", help="The parameter that only repeats runs; if there is none: --seed ''."
    )
    @functools.wraps(command)
    def reading(
        sweeps: tuple[str, ...],
        local: bool,
        server_dir: Path,
        refresh: bool,
        metric: str,
        goal: Literal["maximize", "minimize"] | None,
        unit: str,
        seed: str | None,
        **options: Any,
    ) -> Any:
        given = Given(Asked(metric, goal, unit), seed)
        where = server_dir if local else None
        study = read_study(sweeps, where, given, refresh, histories)
        click.get_current_context().meta[GIVEN] = given
        return command(study, **options)

    return reading


of_runs = functools.partial(of_sweeps, histories=False)
GIVEN = "metasweep.report.given"


@dataclass(frozen=True)
class Given:
    """What the user says about the study, instead of a guess."""

    metric: Asked = NOTHING_ASKED
    seed: str | None = None


def selecting(command: Command) -> Command:
    """Option --where, for a command that takes a study."""

    @click.option("--where", metavar="EXPR", help="Only runs such as 'lr>=0.001 and model=cnn'.")
    @functools.wraps(command)
    def selected(study: Study, where: str | None, **options: Any) -> Any:
        return command(study if where is None else subset(study, where), **options)

    return selected


def read_study(
    sweeps: tuple[str, ...],
    server_dir: Path | None,
    given: Given,
    refresh: bool = False,
    histories: bool = True,
) -> Study:
    """Connect and read, with a progress bar in a terminal. A file is one of W&B's CSV exports."""
    files = [name for name in sweeps if name.lower().endswith(".csv")]
    if files:
        from metasweep.report.read.exported import read_files

        if len(files) < len(sweeps):
            raise click.UsageError("Give CSV files or sweeps of a server, not both.")
        return read_files([Path(name) for name in dict.fromkeys(files)], given.metric, given.seed)
    from metasweep.report.base.progress import progress_bar

    # importing wandb takes half a second, and --help does not need it
    from metasweep.report.read import api, connection
    from metasweep.report.read.cache import HistoryCache, default_path

    cache = HistoryCache(default_path(), refresh=refresh)
    if server_dir is not None:
        connection.use_local_server(server_dir)
    client = connection.connect()
    with progress_bar("Reading histories") as progress:
        return api.read(client, sweeps, cache, progress, given.metric, given.seed, histories)


def subset(study: Study, expression: str) -> Study:
    """Return the runs that match an expression in the language of `page.filters`.

    Raises:
        click.BadParameter: the expression is invalid, or names unknown columns.
    """
    frame = _with_aliases(study)
    try:
        test = compile_filter(expression, frame.columns)
    except FilterError as error:
        columns = ", ".join(frame.columns)
        message = f"{expression!r}: {error}. The columns are {columns}."
        raise click.BadParameter(one_line(message), param_hint="--where") from error
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    mask = pd.Series([test(row) for row in rows], index=frame.index, dtype=bool)
    if not mask.any():
        raise AnalysisError(f"No run fulfils {expression!r}.")
    return replace(study.select(mask), where=expression)


def _with_aliases(study: Study) -> pd.DataFrame:
    """Return the runs with all names that an expression may use.

    These are also `val_acc` beside val/acc, the seed's own name, and id.
    """
    frame = study.runs
    aliases = {"id": "run_id", **{metric.name: metric.column for metric in study.metrics}}
    aliases |= {metric.name.replace("/", "_").replace(".", "_"): metric.column for metric in study.metrics}
    if study.seed:
        aliases[study.seed] = SEED
    new = {name: frame[column] for name, column in aliases.items() if name not in frame and column in frame}
    return frame.assign(**new)
