"""The options of `metasweep agent`: their declarations for click, and the object that the agent gets."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from metasweep.batch import walltime
from metasweep.client import embedded


@dataclass(frozen=True)
class Options:
    """What the user asked for. None: the agent finds the value itself."""

    sweep: str
    extra: tuple[str, ...]
    """Arguments for the program of every run, after those of its point."""
    workers: int | None
    members: int | None
    gpus_per_run: int
    count: int | None
    walltime: float | None
    """Seconds."""
    missing: bool
    extend: tuple[str, ...]
    cold: bool
    max_failures: int
    max_attempts: int
    data_dir: str | None
    checkpoint_dir: str | None
    copy_to: Path | None
    local: bool
    open: bool
    server_dir: Path
    entity: str | None
    project: str | None

    @property
    def program_arguments(self) -> list[str]:
        """Return the arguments that every run's program gets after those of its point."""
        named = {"--data-dir": self.data_dir, "--checkpoint-dir": self.checkpoint_dir}
        return [f"{name}={value}" for name, value in named.items() if value] + list(self.extra)

    @property
    def place(self) -> str:
        """Return the options with which another command finds this server, with a space before each."""
        if not self.local:
            return ""
        elsewhere = self.server_dir != embedded.SERVER_DIR
        return " --local" + (f" --server-dir {shlex.quote(str(self.server_dir))}" if elsewhere else "")


def read_time(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    """Read the value of --walltime."""
    try:
        return None if text is None else walltime.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def read_workers(_context: click.Context, _parameter: click.Parameter, text: str) -> int | None:
    """Read the value of --workers; auto gives None."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither a number from 1 nor auto")
    return int(text)


def read_extra(
    _context: click.Context, _parameter: click.Parameter, words: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse arguments for the program that do not come after `--`: they are probably typing errors."""
    if words and "--" not in sys.argv:
        raise click.UsageError(f"unexpected argument {words[0]!r}: put arguments of the program after --")
    return words


DECLARED = (
    click.argument("sweep", metavar="SWEEP"),
    click.argument(
        "extra", metavar="[-- ARGUMENTS...]", nargs=-1, type=click.UNPROCESSED, callback=read_extra
    ),
    click.option(
        "--workers",
        metavar="N|auto",
        callback=read_workers,
        default="auto",
        show_default=True,
        help="Runs at a time. auto: one per core of this job; on a GPU as many as fit beside the first.",
    ),
    click.option(
        "--members",
        type=click.IntRange(1),
        metavar="K",
        help="Train up to K runs of the same kind together, in each of --workers processes; for GPUs.",
    ),
    click.option(
        "--gpus-per-run",
        type=click.IntRange(1),
        default=1,
        show_default=True,
        metavar="K",
        help="GPUs that each run gets, for torchrun, accelerate and the like. The job must have that many.",
    ),
    click.option("--count", type=click.IntRange(1), help="End after this many runs."),
    click.option(
        "--walltime",
        metavar="H:MM:SS",
        callback=read_time,
        help="End within this time. Default: the time limit of the job.",
    ),
    click.option(
        "--extend",
        multiple=True,
        metavar="SWEEP",
        help="Skip the points that this earlier sweep has finished; may be repeated.",
    ),
    click.option(
        "--missing", is_flag=True, help="At the end, run every point of the grid that has no finished run."
    ),
    click.option(
        "--max-failures",
        default=5,
        show_default=True,
        help="Stop after this many failures in a row; 0: never.",
    ),
    click.option(
        "--max-attempts",
        type=click.IntRange(1),
        default=3,
        show_default=True,
        help="Attempts at a failing point of a grid, on servers that do not offer it again themselves.",
    ),
    click.option("--data-dir", help="Passed on to the program, like the arguments after --."),
    click.option(
        "--checkpoint-dir", help="Shared folder, passed on to the program: interrupted runs continue from it."
    ),
    click.option(
        "--cold",
        is_flag=True,
        help="Start each run in a plain new process, with nothing loaded or claimed early.",
    ),
    click.option(
        "--copy-to",
        type=click.Path(file_okay=False, path_type=Path),
        help="Work from a copy of the Python environment in this folder of a local disk, made once per node.",
    ),
    click.option("--local", is_flag=True, help="Use the embedded server; start it if it is not running."),
    click.option("--open", is_flag=True, help="Open the sweep's page in a browser."),
    embedded.server_dir_option,
    click.option("--entity", help="Owner of the sweep, if SWEEP does not name it."),
    click.option("--project", help="Project of the sweep, if SWEEP does not name it."),
)
"""The arguments and options, in the order of `--help`. Each has the name of its field in `Options`."""


def declare(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command these arguments and options."""
    for decorator in reversed(DECLARED):
        command = decorator(command)
    return command
