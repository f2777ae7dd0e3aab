"""The batch systems: one class each, found out by what is on this machine."""

from __future__ import annotations

import shutil

import click

from metasweep.cluster.schedulers.base import Job, Request, Scheduler
from metasweep.cluster.schedulers.pbs import PBS
from metasweep.cluster.schedulers.slurm import Slurm

__all__ = ["NAMES", "PBS", "Job", "Request", "Scheduler", "Slurm", "find"]

SCHEDULERS: tuple[type[Scheduler], ...] = (PBS, Slurm)
NAMES = tuple(scheduler.name for scheduler in SCHEDULERS)


def find(name: str | None = None) -> Scheduler:
    """The scheduler of that name, or the only one on this machine. Raises click.ClickException."""
    if name:
        return next(scheduler() for scheduler in SCHEDULERS if scheduler.name == name)
    here = [scheduler for scheduler in SCHEDULERS if shutil.which(scheduler.submit_program)]
    if len(here) == 1:
        return here[0]()
    if here:
        raise click.ClickException("Both qsub and sbatch are here: say --scheduler pbs or --scheduler slurm")
    raise click.ClickException("No qsub and no sbatch here: run this on a frontend of the cluster")
