"""How many jobs a sweep gets, how long and with how much memory: as asked for, or learned from a canary."""

from __future__ import annotations

from dataclasses import dataclass, replace

import click

from metasweep.client.account import Account
from metasweep.cluster.schedulers import Request
from metasweep.cluster.status import watching
from metasweep.cluster.status.points import Points, read_points
from metasweep.cluster.submission import Submission
from metasweep.cluster.submitting import canary, estimate, script, sweeps
from metasweep.cluster.submitting.launch import at_most, launch, make_request
from metasweep.cluster.target import Target

MEM = "8gb"


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
    """Finds the size of the jobs of a sweep, as far as it is not given."""

    target: Target
    sweep: str
    account: Account | None
    """None if the server may not be asked."""
    request: Request
    """What each job needs, with placeholders for what is not given."""
    settings: dict[str, str]
    """The settings of the job's script."""
    interval: float
    jobs: int | None
    walltime: int | None
    mem: str | None

    def size(self, points: Points | None, with_canary: bool) -> tuple[Request, Submission | None]:
        """Return the request of the jobs, and the canary for which they wait. Prints advice."""
        if not (with_canary and points and not points.measured):
            return self._plan(points), None
        first = self._launch_canary()
        if self.jobs and self.walltime:
            return self._plan(points, first), first
        points, learned = self._learn(first)
        return learned._plan(points), None

    def _launch_canary(self) -> Submission:
        """Submit the job of one run, with one core, or with the GPUs of one job."""
        request, target = self.request, self.target
        needs = {**request.as_asked(), "jobs": 1, "max_running": None, "mail": None}
        small = make_request(target, **needs, name=f"{request.name}-canary")
        walltime = self.walltime or at_most(target, estimate.COMFORTABLE, request.gpus)
        small = replace(small, cpus=request.cpus if request.gpus else 1, walltime=walltime)
        submission = launch(target, script.CANARY, small, self.settings)
        assert submission  # a dry run has no account, and therefore no canary
        return submission

    def _learn(self, first: Submission) -> tuple[Points | None, Sizing]:
        """Wait for the canary. Return the points that are left, with the time of a run, and the memory.

        Raises click.ClickException if the canary failed.
        """
        click.echo(
            f"Submitted the canary as {first.job_id}; waiting for its run, which says how many jobs and how "
            "long they need (Ctrl-C leaves it there: submit again when it has ended).",
            err=True,
        )
        if watching.wait(first, self.target.scheduler, self.interval):
            watching.show(first)
            # one of its runs may be finished without the metric
            sweeps.forget_created(self.target.logs, self.sweep)
            raise click.ClickException(
                f"The canary failed, and no jobs were submitted: see {first.folder}. Correct the program or "
                "the sweep's metric, then submit the file again"
            )
        points, tally = read_left(self.sweep, self.account), first.tally(1)
        if not tally or not tally.need:
            raise click.ClickException(f"The canary has not said what its run took: see {first.folder}")
        points = replace(points, run_seconds=tally.need.seconds) if points else None
        workers = self.request.gpus or self.request.cpus
        return points, replace(self, mem=self.mem or canary.suggest_memory(tally.need, workers))

    def _plan(self, points: Points | None, first: Submission | None = None) -> Request:
        """Return the request with number, walltime and memory of the jobs, given or computed."""
        request, target = self.request, self.target
        workers = request.gpus or request.cpus
        longest = target.scheduler.longest(request.queue, request.gpus > 0)
        plan = estimate.choose(points, workers, self.jobs, self.walltime, longest)
        if points and (advice := estimate.advise(points, plan, workers, longest)):
            click.echo(advice, err=True)
        needs = {**request.as_asked(), "mem": self.mem or MEM, **plan.as_needs()}
        after = first.job_id if first else None
        return replace(make_request(target, **needs, name=request.name), after_ok=after)
