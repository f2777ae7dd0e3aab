"""How many jobs a sweep gets, how long and with how much memory: as asked for, or learned from a canary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import click

from metasweep.client.account import Account
from metasweep.cluster.schedulers import Request
from metasweep.cluster.status import watching
from metasweep.cluster.status.points import Points, read_points
from metasweep.cluster.submission import Submission
from metasweep.cluster.submitting import canary, estimate, script
from metasweep.cluster.submitting.launch import at_most, launch, make_request
from metasweep.cluster.target import Target

MEM = "8gb"


@dataclass(frozen=True)
class Wish:
    """The size of the jobs as given on the command line; None for what is still to be found out."""

    jobs: int | None
    walltime: int | None
    mem: str | None

    @property
    def is_complete(self) -> bool:
        """Return whether everything was given that has no default."""
        return bool(self.jobs and self.walltime)

    def as_needs(self) -> dict[str, Any]:
        """Return it as arguments for a request."""
        return {"jobs": self.jobs or 1, "walltime": self.walltime or 1, "mem": self.mem or MEM}


def read_left(sweep: str, account: Account | None) -> Points | None:
    """Read the points of the sweep, if the server may be asked.

    Raises click.ClickException if none is left.
    """
    points = read_points(sweep, account) if account else None
    if points and points.left == 0:
        raise click.ClickException(
            f"All {points.expected} runs of {sweep} are finished: nothing is left to do"
        )
    return points


@dataclass(frozen=True)
class Sizing:
    """Finds the size of the jobs of a sweep."""

    target: Target
    sweep: str
    account: Account | None
    """None if the server may not be asked."""
    wish: Wish
    request: Request
    """What each job needs, still without the size."""
    settings: dict[str, str]
    """The settings of the job's script."""
    interval: float

    def size(self, points: Points | None, with_canary: bool) -> tuple[Request, Submission | None]:
        """Return the request of the jobs, and the canary for which they wait. Prints advice."""
        if not (with_canary and points and not points.finished):
            return self._plan(points, self.wish, None), None
        first = self._launch_canary()
        if self.wish.is_complete:
            return self._plan(points, self.wish, first), first
        return self._plan(*self._learn(first), None), None

    def _launch_canary(self) -> Submission:
        """Submit the job of one run, with one core, or with the GPUs of one job."""
        request, target = self.request, self.target
        comfortable = at_most(target, estimate.COMFORTABLE, request.gpus)
        small = make_request(
            target,
            **{**request.as_asked(), "jobs": 1, "max_running": None, "mail": None},
            name=f"{request.name}-canary",
        )
        cpus = request.cpus if request.gpus else 1
        small = replace(small, cpus=cpus, walltime=self.wish.walltime or comfortable)
        submission = launch(target, script.CANARY, small, self.settings)
        assert submission  # a dry run has no account, and therefore no canary
        return submission

    def _learn(self, first: Submission) -> tuple[Points | None, Wish]:
        """Wait for the canary, and take the missing sizes from it.

        Raises click.ClickException if it failed.
        """
        click.echo(
            f"Submitted the canary as {first.job_id}; waiting for its run, which says how many jobs and how "
            "long they need (Ctrl-C leaves it there: submit again when it has ended).",
            err=True,
        )
        if watching.wait(first, self.target.scheduler, self.interval):
            watching.show(first)
            raise click.ClickException(f"The canary failed, and no jobs were submitted: see {first.folder}")
        points, tally = read_left(self.sweep, self.account), first.tally(1)
        if not tally or not tally.need:
            raise click.ClickException(f"The canary has not said what its run took: see {first.folder}")
        points = replace(points, run_seconds=tally.need.seconds) if points else None
        workers = self.request.gpus or self.request.cpus
        return points, replace(self.wish, mem=self.wish.mem or canary.suggest_memory(tally.need, workers))

    def _plan(self, points: Points | None, wish: Wish, first: Submission | None) -> Request:
        """Return the request with number, walltime and memory of the jobs, given or computed."""
        request, target = self.request, self.target
        workers = request.gpus or request.cpus
        longest = target.scheduler.longest(request.queue, request.gpus > 0)
        plan = estimate.choose(points, workers, wish.jobs, wish.walltime, longest)
        if points and (advice := estimate.advise(points, plan, workers, longest)):
            click.echo(advice, err=True)
        needs = {**request.as_asked(), **wish.as_needs(), **plan.as_needs()}
        after = first.job_id if first else None
        return replace(make_request(target, **needs, name=request.name), after_ok=after)
