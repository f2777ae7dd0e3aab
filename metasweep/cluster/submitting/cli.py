"""`metasweep hello` and `metasweep submit`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from metasweep.client.account import Account
from metasweep.client.sweep import is_file
from metasweep.cluster.keys import check_key
from metasweep.cluster.looking import watching
from metasweep.cluster.looking.points import Points, read_points
from metasweep.cluster.options import interval_option, job_options, read_target, site_options
from metasweep.cluster.project import Project
from metasweep.cluster.schedulers import Request
from metasweep.cluster.serving import relay
from metasweep.cluster.submission import Submission
from metasweep.cluster.submitting import canary, estimate, retry, script, server, sweeps
from metasweep.cluster.submitting.launch import at_most, launch, make_request
from metasweep.cluster.submitting.server import serve_options
from metasweep.cluster.target import Target

HELLO_SECONDS, REPORT_SECONDS = 300, 1800
SMALL: dict[str, Any] = {"mem": "4gb", "scratch": "1gb"}
MEM = "8gb"


@click.command()
@click.option("--gpus", type=click.IntRange(0, 16), default=0, help="Ask for GPUs, to try them.")
@interval_option
@site_options
def hello(gpus: int, interval: float, **options: Any) -> None:
    """Submit a tiny test job, wait for it, and show what it found."""
    target = read_target(options)
    walltime = at_most(target, HELLO_SECONDS, gpus)
    request = make_request(target, name="hello", gpus=gpus, walltime=walltime, **SMALL)
    try_out(target, script.HELLO, request, interval)


def try_out(target: Target, body: Path, request: Request, interval: float) -> None:
    """Submit a job, wait until it has ended, and print its output. Exit with 1 if it failed."""
    submission = launch(target, body, request, {})
    if submission is None:
        return
    click.echo(f"Submitted {submission.job_id}; waiting for it (Ctrl-C leaves it running).", err=True)
    status = watching.wait(submission, target.scheduler, interval)
    show_log(submission)
    if status:
        raise click.exceptions.Exit(1)


def show_log(submission: Submission) -> None:
    """Print all that a plain job has written."""
    log = submission.log(1)
    nothing = f"No output came back to {submission.folder}."
    click.echo(log.read_text("utf-8", "replace").rstrip() if log else nothing)


@click.command()
@click.argument("sweep")
@job_options
@click.option(
    "--canary/--no-canary",
    "with_canary",
    default=True,
    help="First submit one run alone; the jobs start after it has logged the sweep's metric.",
)
@click.option(
    "--retry", "again", is_flag=True, help="Ask for 50 % more memory or time, whichever the last jobs lacked."
)
@click.option(
    "--report", is_flag=True, help="After all jobs, check that the grid is complete and build the report."
)
@click.option("--done", help="After all jobs, run this command; $1 is the sweep, $2 is 0 if it is complete.")
@serve_options
@click.option(
    "--check/--no-check", default=True, help="Check on the server that the sweep exists, before submitting."
)
@interval_option
@site_options
def submit(
    sweep: str,
    agent: str,
    with_canary: bool,
    again: bool,
    report: bool,
    done: str | None,
    serve: bool,
    serve_jobs: int,
    serve_host: str,
    check: bool,
    interval: float,
    **options: Any,
) -> None:
    """Submit jobs of agents that work on SWEEP: ENTITY/PROJECT/ID, or a YAML file to create it from."""
    target = read_target(options)
    wish = Wish(options.pop("jobs"), options.pop("walltime"), options.pop("mem"))
    request = make_request(target, **options, **wish.as_needs(), mail=target.mail)
    served = server.launch_servers(target, serve_jobs, serve_host, interval) if serve else None
    account = open_account(target, served)
    asked = account if check else None
    # find these mistakes before anything is created
    if not asked or (is_file(sweep) and not with_canary):
        estimate.choose(None, request.cpus, wish.jobs, wish.walltime)
    sweep = sweeps.look_up(sweep, asked, target.logs) if asked else sweeps.take(sweep)
    settings = {"SWEEP": sweep, "AGENT": target.project.agent, "AGENT_OPTIONS": agent}
    settings |= {"SERVED": str(served.place.folder)} if served else {}
    points = read_left(sweep, asked)
    first, number = None, 0
    if again:
        found = retry.plan(target.logs, sweep, target.scheduler, points)
        click.echo(found.advice, err=True)
        request = make_request(target, **{**found.needs, "name": request.name})
        settings, number = found.settings, found.number
    elif asked and with_canary and points and not points.finished:
        first = launch_canary(target, request, settings)
        if not wish.is_complete:
            points, wish = learn(target, first, sweep, asked, wish, request, interval)
            first = None
    if not again:
        request = plan_jobs(target, request, points, wish, first)
    submission = launch(target, script.AGENT, request, settings)
    if submission:
        sweeps.forget_created(target.logs, sweep)
        submission.retries = number
        submission.follow(first, served.place.folder if served else None, served.job_ids if served else [])
        submission.note(sweep, account, settings)
    if report or done or serve:  # a server ends with the last job
        launch_last(target, submission, request.name, settings, report or serve, done)
    if submission:
        tell(submission, target.project)


def open_account(target: Target, served: server.Served | None) -> Account | None:
    """Return the jobs' server with the key that they will find; None in a dry run."""
    if target.dry_run:
        return None
    return (
        relay.open_account(served.place)
        if served
        else check_key(target.base_url, target.key_file, os.environ)
    )


class Wish:
    """The size of the jobs as given on the command line; None for what is still to be found out."""

    def __init__(self, jobs: int | None, walltime: int | None, mem: str | None) -> None:
        self.jobs, self.walltime, self.mem = jobs, walltime, mem

    @property
    def is_complete(self) -> bool:
        """Return whether everything was given."""
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


def launch_canary(target: Target, request: Request, settings: dict[str, str]) -> Submission:
    """Submit the job of one run, with one core, or with the GPUs of one job."""
    cpus = request.cpus if request.gpus else 1
    comfortable = at_most(target, estimate.COMFORTABLE, request.gpus)
    walltime = request.walltime if request.walltime > 1 else comfortable
    small = make_request(
        target,
        **{**request.as_asked(), "jobs": 1, "max_running": None, "mail": None},
        name=f"{request.name}-canary",
    )
    submission = launch(target, script.CANARY, replace(small, cpus=cpus, walltime=walltime), settings)
    assert submission  # a dry run has no account, and therefore no canary
    return submission


def learn(
    target: Target,
    first: Submission,
    sweep: str,
    account: Account,
    wish: Wish,
    request: Request,
    interval: float,
) -> tuple[Points | None, Wish]:
    """Wait for the canary, and take the missing sizes from it. Exit with 1 if it failed."""
    click.echo(
        f"Submitted the canary as {first.job_id}; waiting for its run, which says how many jobs and how long "
        "they need (Ctrl-C leaves it there: submit again when it has ended).",
        err=True,
    )
    if watching.wait(first, target.scheduler, interval):
        show_log(first)
        raise click.ClickException(f"The canary failed, and no jobs were submitted: see {first.folder}")
    points, tally = read_left(sweep, account), first.tally(1)
    if not tally or not tally.need:
        raise click.ClickException(f"The canary has not said what its run took: see {first.folder}")
    mem = wish.mem or canary.suggest_memory(tally.need, request.gpus or request.cpus)
    points = replace(points, run_seconds=tally.need.seconds) if points else None
    return points, Wish(wish.jobs, wish.walltime, mem)


def plan_jobs(
    target: Target, request: Request, points: Points | None, wish: Wish, first: Submission | None
) -> Request:
    """Return the request with number, walltime and memory of the jobs, given or computed. Prints advice."""
    workers = request.gpus or request.cpus
    longest = target.scheduler.longest(request.queue, request.gpus > 0)
    plan = estimate.choose(points, workers, wish.jobs, wish.walltime, longest)
    if points and (advice := estimate.advise(points, plan, workers, longest)):
        click.echo(advice, err=True)
    needs = {**request.as_asked(), **wish.as_needs(), **plan.as_needs()}
    after = first.job_id if first else None
    return replace(make_request(target, **needs, name=request.name), after_ok=after)


def launch_last(
    target: Target,
    submission: Submission | None,
    name: str,
    settings: dict[str, str],
    report: bool,
    done: str | None,
) -> None:
    """Submit the job that starts after all others have ended. Without a submission it is a dry run."""
    after = submission.job_id if submission else "ID-OF-THE-JOB-ABOVE"
    walltime = at_most(target, REPORT_SECONDS)
    request = make_request(target, name=f"{name}-report", after=after, walltime=walltime, **SMALL)
    settings = {name: value for name, value in settings.items() if name in ("SWEEP", "SERVED")}
    settings |= {"REPORT": target.project.report if report else ""}
    settings |= {"DONE": done} if done else {}
    try:
        last = launch(target, script.LAST, request, settings)
    except click.ClickException as error:
        refusal = f"The jobs wait as {after}, but the report's job was refused: {error.message}"
        raise click.ClickException(refusal) from error
    if submission and last:
        submission.report_id, submission.report_folder = last.job_id, str(last.folder)
        submission.save()


def tell(submission: Submission, project: Project) -> None:
    """Print what was submitted and what to do next."""
    jobs = "1 job" if submission.jobs == 1 else f"{submission.jobs} jobs"
    click.echo(f"Submitted {jobs} as {submission.job_id}; logs in {submission.folder}")
    if submission.canary_id:
        click.echo(f"They start when one run alone has logged the metric: {submission.canary_id}.")
    if submission.report_id:
        click.echo(f"Then the last job, as {submission.report_id}.")
    click.echo(f"See their progress:  {project.command} {project.jobs} --watch")
