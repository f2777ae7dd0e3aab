"""`submit --retry`: the same jobs again for the points left, with more of what they lacked."""

from __future__ import annotations

import math
import re
from typing import Any

import click

from metasweep.batch.walltime import clock
from metasweep.cluster.schedulers import Lack, Request, Scheduler
from metasweep.cluster.status import ends
from metasweep.cluster.status.points import Points
from metasweep.cluster.submission import Submission, last_of
from metasweep.cluster.submitting.launch import make_request
from metasweep.cluster.target import Target

MORE = 1.5
MOST = 2  # the most retries with more of something
UNITS = "kmgt"


def ask_again(
    target: Target, sweep: str, points: Points | None, name: str
) -> tuple[Request, dict[str, str], int]:
    """Return the request of the next try, the settings of its script, and its number. Prints advice.

    Raises click.ClickException if trying again would not help.
    """
    logs, scheduler = target.logs, target.scheduler
    before = last_of(logs, sweep)
    if before is None or before.asked is None or before.settings is None:
        raise click.ClickException(f"No jobs of {sweep} in {logs} to do again: submit without --retry")
    jobs = scheduler.jobs(before.job_id)
    if not jobs:
        raise click.ClickException(f"{scheduler.name} has forgotten {before.job_id}: submit without --retry")
    if any(job.state != "ended" for job in jobs):
        raise click.ClickException(f"{before.job_id} has not ended yet: --retry is for afterwards")
    lacks = {found for job in jobs if (found := ends.lack(before, scheduler, job))}
    if not lacks:
        raise click.ClickException(
            f"Nothing says that {before.job_id} lacked memory or time: see what failed, or leave --retry out"
        )
    if before.retries >= MOST:
        raise click.ClickException(
            f"{before.job_id} had {MORE**MOST:g} times what was asked for first: something else is wrong"
        )
    needs = ask_more(before, lacks, scheduler)
    if points and points.left is not None:
        workers = needs["gpus"] or needs["cpus"]
        needs["jobs"] = max(1, min(before.jobs, math.ceil(points.left / workers)))
    said = f"--jobs {needs['jobs']} --walltime {clock(needs['walltime'])} --mem {needs['mem']}"
    click.echo(f"Too little {' and '.join(lacks)}: now {said}.", err=True)
    return make_request(target, **{**needs, "name": name}), before.settings, before.retries + 1


def ask_more(before: Submission, lacks: set[Lack], scheduler: Scheduler) -> dict[str, Any]:
    """Return 50 % more of what was lacking, but no more time than a queue allows."""
    needs = {**(before.asked or {})}
    if "memory" in lacks:
        needs["mem"] = grow(needs["mem"])
    if "time" in lacks:
        longest = scheduler.longest(needs["queue"], needs["gpus"] > 0) or math.inf
        if needs["walltime"] >= longest:
            raise click.ClickException(
                f"No queue takes more than the {clock(needs['walltime'])} that {before.job_id} had: "
                "let runs go on from checkpoints (--checkpoint-dir), or make them shorter"
            )
        needs["walltime"] = int(min(MORE * needs["walltime"], longest))
    return needs


def grow(size: str) -> str:
    """Return 50 % more than '8gb', in a unit that makes it a whole number."""
    match = re.fullmatch(rf"(\d+)([{UNITS}])b", size)
    assert match, size
    amount, unit = int(match[1]), match[2]
    if amount % 2 and unit != "k":
        amount, unit = amount * 1024, UNITS[UNITS.index(unit) - 1]
    return f"{math.ceil(amount * MORE)}{unit}b"
