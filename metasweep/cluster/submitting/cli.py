"""`metasweep hello` and `metasweep submit`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from metasweep.client.account import Account
from metasweep.client.sweep import is_file
from metasweep.cluster import environment
from metasweep.cluster.keys import check_key
from metasweep.cluster.options import interval_option, job_options, read_target, site_options
from metasweep.cluster.project import Project
from metasweep.cluster.schedulers import Request
from metasweep.cluster.serving import relay
from metasweep.cluster.status import watching
from metasweep.cluster.submission import Submission
from metasweep.cluster.submitting import estimate, retry, script, server, sweeps
from metasweep.cluster.submitting.launch import at_most, launch, make_request
from metasweep.cluster.submitting.server import serve_options
from metasweep.cluster.submitting.sizing import MEM, Sizing, read_left
from metasweep.cluster.target import Target

HELLO_SECONDS, REPORT_SECONDS = 300, 1800
SMALL: dict[str, Any] = {"mem": "4gb", "scratch": "1gb"}


@click.command()
@click.option("--gpus", type=click.IntRange(0, 16), default=0, help="Ask for GPUs, to try them.")
@interval_option
@site_options
def hello(gpus: int, interval: float, **options: Any) -> None:
    """Submit a tiny test job, wait for it, and show what it found."""
    target = read_target(options)
    environment.check(target)
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
    watching.show(submission)
    if status:
        raise click.exceptions.Exit(1)


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
    jobs: int | None,
    walltime: int | None,
    mem: str | None,
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
    settings = {"AGENT": target.project.agent, "AGENT_OPTIONS": agent}
    needs = {**options, "jobs": jobs or 1, "walltime": walltime or 1, "mem": mem or MEM}
    request = make_request(target, **needs, mail=target.mail)
    environment.check(target)
    served = server.launch_servers(target, serve_jobs, serve_host, interval) if serve else None
    account = open_account(target, served)
    asked = account if check else None
    # find these mistakes before anything is created
    if not asked or (is_file(sweep) and not with_canary):
        estimate.choose(None, request.cpus, jobs, walltime)
    sweep = sweeps.look_up(sweep, asked, target.logs) if asked else sweeps.take(sweep)
    settings |= {"SWEEP": sweep, **({"SERVED": str(served.place.folder)} if served else {})}
    points, first, number = read_left(sweep, asked), None, 0
    if again:
        request, settings, number = retry.ask_again(target, sweep, points, request.name)
    else:
        sizing = Sizing(target, sweep, asked, request, settings, interval, jobs, walltime, mem)
        request, first = sizing.size(points, with_canary)
    submission = launch(target, script.AGENT, request, settings)
    if submission:
        sweeps.forget_created(target.logs, sweep)
        submission.retries = number
        submission.follow(first, served.place.folder if served else None, served.job_ids if served else [])
        submission.note(sweep, account, settings)
    if report or done or served:  # a server ends with the last job
        launch_last(target, submission, request.name, settings, report or bool(served), done)
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
