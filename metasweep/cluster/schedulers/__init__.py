"""The batch systems: one class each, chosen by what is installed on this machine."""

from __future__ import annotations

import shutil

import click

from metasweep.cluster.schedulers.base import Job, Lack, Request, Scheduler
from metasweep.cluster.schedulers.pbs import PBS
from metasweep.cluster.schedulers.slurm import Slurm
from metasweep.cluster.site import Site

__all__ = ["NAMES", "PBS", "Job", "Lack", "Request", "Scheduler", "Slurm", "find"]

SCHEDULERS: tuple[type[Scheduler], ...] = (PBS, Slurm)
NAMES = tuple(scheduler.name for scheduler in SCHEDULERS)


def find(name: str | None = None, site: Site | None = None) -> Scheduler:
    """Return the scheduler with that name, or the only one on this machine. Raises click.ClickException.

    A site with another scheduler describes another cluster: it is ignored.
    """
    here = [one for one in SCHEDULERS if one.name == name or (not name and shutil.which(one.submit_program))]
    if len(here) > 1 and site and site.scheduler:
        here = [one for one in here if one.name == site.scheduler]
    if len(here) == 1:
        return here[0](site if site and site.scheduler in (None, here[0].name) else None)
    if here:
        raise click.ClickException("Both qsub and sbatch are here: use --scheduler pbs or --scheduler slurm")
    raise click.ClickException("No qsub and no sbatch here: run this on a frontend of the cluster")
