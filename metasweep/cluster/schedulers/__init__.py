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
    if site and site.scheduler and site.scheduler not in NAMES:
        raise click.UsageError(f"the site's scheduler {site.scheduler!r} is none of {', '.join(NAMES)}")
    here = [one for one in SCHEDULERS if one.name == name or (not name and shutil.which(one.submit_program))]
    if len(here) > 1 and site and site.scheduler:
        here = [one for one in here if one.name == site.scheduler]
    if len(here) == 1:
        return here[0](site if site and site.scheduler in (None, here[0].name) else None)
    if here:
        programs = " and ".join(one.submit_program for one in here)
        options = " or ".join(f"--scheduler {one.name}" for one in here)
        raise click.ClickException(f"{programs} are both here: use {options}")
    missing = " and no ".join(one.submit_program for one in SCHEDULERS)
    raise click.ClickException(f"No {missing} here: run this on a frontend of the cluster")
