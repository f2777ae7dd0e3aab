"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from metasweep.cluster import environment, schedulers
from metasweep.cluster.project import current
from metasweep.cluster.site import Site
from metasweep.cluster.site import read as read_site
from metasweep.cluster.target import Target
from metasweep.cluster.values import (
    CAPABILITY,
    MAIL,
    MAX_ARRAY,
    NAME,
    QUEUE,
    SIZE,
    WALLTIME,
    WORDS,
)

Command = TypeVar("Command", bound=Callable[..., Any])

logs_option = click.option(
    "--logs",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: current().folder / "logs",
    help="Folder for the logs, on storage that the nodes see.  [default: logs/ of the project]",
)
interval_option = click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    default=10,
    show_default=True,
    help="Seconds between two requests.",
)
JOB_OPTIONS = (
    click.option(
        "--jobs", type=click.IntRange(1, MAX_ARRAY), help="Number of jobs.  [default: from the runs left]"
    ),
    click.option("--walltime", type=WALLTIME, help="Time limit of each job.  [default: from the runs left]"),
    click.option("--max-running", type=click.IntRange(min=1), help="Most jobs that run at the same time."),
    click.option("--cpus", type=click.IntRange(1, 1024), default=4, show_default=True, help="CPUs per job."),
    click.option("--mem", type=SIZE, help="Memory per job.  [default: from the canary, or 8gb]"),
    click.option("--scratch", type=SIZE, help="Scratch space per job.  [default: from the site]"),
    click.option("--scratch-kind", type=NAME, help="Kind of scratch, as the site names it."),
    click.option("--gpus", type=click.IntRange(0, 64), default=0, show_default=True, help="GPUs per job."),
    click.option("--gpu-mem", type=SIZE, help="Least memory of a GPU, such as 10gb."),
    click.option("--gpu-cap", type=CAPABILITY, help="Least compute capability of a GPU, such as compute_70."),
    click.option("--name", type=NAME, default="metasweep", show_default=True, help="The jobs' name."),
    click.option(
        "--agent", type=WORDS, default="", help='More options for the agent, such as "--checkpoint-dir D".'
    ),
)
SITE_OPTIONS = (
    click.option(
        "--site",
        envvar="METASWEEP_SITE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="YAML file that describes the cluster.  [default: what the batch system says]",
    ),
    click.option("--mail", type=MAIL, help="Address to which the batch system writes when jobs have ended."),
    click.option("--dry-run", is_flag=True, help="Only print the script and the command."),
    logs_option,
    click.option(
        "--scheduler",
        type=click.Choice(schedulers.NAMES),
        help="The batch system.  [default: the one on this machine]",
    ),
    click.option("--queue", type=QUEUE, help="Queue or partition.  [default: the scheduler chooses]"),
    click.option("--modules", envvar="METASWEEP_MODULES", help="Modules to load, such as python/3.11."),
    click.option("--image", envvar="METASWEEP_IMAGE", help="Singularity image to run in."),
    click.option(
        "--venv",
        type=click.Path(path_type=Path),
        help="Environment whose bin/python runs.  [default: .venv of the project, or this command's own]",
    ),
    click.option(
        "--base-url",
        envvar="WANDB_BASE_URL",
        default="",
        help="The W&B server.  [default: that of `wandb login`, or W&B's cloud]",
    ),
    click.option(
        "--key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File with the server's key, readable by you alone.  [default: what `wandb login` saved]",
    ),
)


def job_options(command: Command) -> Command:
    """Add the options for the number of jobs and the needs of each."""
    for option in reversed(JOB_OPTIONS):
        command = option(command)
    return command


def site_options(command: Command) -> Command:
    """Add the options for where jobs run and what they find there. `read_target` reads them."""
    for option in reversed(SITE_OPTIONS):
        command = option(command)
    return command


def current_site(file: Path | None = None) -> Site | None:
    """The description of the cluster: of that file, of METASWEEP_SITE, or the project's own."""
    named = os.environ.get("METASWEEP_SITE")
    file = file or (Path(named) if named else current().site)
    return read_site(file) if file else None


def read_target(options: dict[str, Any]) -> Target:
    """Move the options of `site_options` out of a command's options into a Target."""
    project = current()
    scheduler = schedulers.find(options.pop("scheduler"), current_site(options.pop("site")))
    names = ("dry_run", "logs", "queue", "modules", "image", "venv", "base_url", "key_file", "mail")
    values = {name: options.pop(name) for name in names}
    for name in ("logs", "venv", "key_file"):
        values[name] = values[name].absolute() if values[name] else None
    for name in ("modules", "image"):
        values[name] = getattr(scheduler.site, name) if values[name] is None else values[name]
    if values["mail"] and "@" not in values["mail"] and scheduler.site.mail_domain:
        values["mail"] += f"@{scheduler.site.mail_domain}"
    values["venv"] = (
        values["venv"] or project.venv or environment.choose(project.folder, bool(values["image"]))
    )
    return Target(project=project, scheduler=scheduler, **values)
