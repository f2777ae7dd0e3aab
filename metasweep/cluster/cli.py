"""Jobs of sweep agents on a cluster: the commands `metasweep hello | submit | jobs | logs | cancel`.

Exit status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import click

from metasweep.batch.exit_codes import INTERRUPTED
from metasweep.client.account import Account
from metasweep.cluster import schedulers
from metasweep.cluster.looking import watching
from metasweep.cluster.looking.points import Points, read_points
from metasweep.cluster.options import (
    interval_option,
    job_options,
    logs_option,
    read_target,
    site_options,
)
from metasweep.cluster.project import Project
from metasweep.cluster.schedulers import Request, Scheduler
from metasweep.cluster.submission import Submission, find
from metasweep.cluster.submitting import estimate, script, sweeps
from metasweep.cluster.submitting.keys import check_key
from metasweep.cluster.submitting.launch import Target, launch, make_request

HELLO: dict[str, Any] = {"walltime": 300, "mem": "4gb", "scratch": "1gb"}
REPORT: dict[str, Any] = {"walltime": 1800, "mem": "4gb", "scratch": "1gb"}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run a sweep's agents as jobs of a cluster (OpenPBS as on MetaCentrum, or Slurm)."""


@cli.command()
@click.option("--gpus", type=click.IntRange(0, 16), default=0, help="Ask for GPUs, to try them.")
@interval_option
@site_options
def hello(gpus: int, interval: float, **options: Any) -> None:
    """Submit the smallest job, wait for it, and show what it found."""
    target = read_target(options)
    try_out(target, script.HELLO, make_request(target, name="hello", gpus=gpus, **HELLO), interval)


def try_out(target: Target, body: Path, request: Request, interval: float) -> None:
    """Submit a job, wait until it has ended, print its output; exit with 1 if it failed."""
    submission = launch(target, body, request, {})
    if submission is None:
        return
    click.echo(f"Submitted {submission.job_id}; waiting for it (Ctrl-C leaves it there).", err=True)
    status = watching.wait(submission, target.scheduler, interval)
    log = submission.log(1)
    click.echo(
        log.read_text("utf-8", "replace").rstrip() if log else f"No output came back to {submission.folder}."
    )
    if status:
        raise click.exceptions.Exit(1)


@cli.command()
@click.argument("sweep")
@job_options
@click.option(
    "--report", is_flag=True, help="In the end, check that the grid is complete and build the report."
)
@click.option("--done", help="In the end, run this command; $1 is the sweep, $2 is 0 when it is complete.")
@click.option("--check/--no-check", default=True, help="Ask the server for the sweep before submitting.")
@site_options
def submit(sweep: str, agent: str, report: bool, done: str | None, check: bool, **options: Any) -> None:
    """Submit jobs of agents that work on SWEEP: ENTITY/PROJECT/ID, or a YAML file to create it from."""
    target = read_target(options)
    jobs, walltime = options.pop("jobs"), options.pop("walltime")
    request = make_request(target, **options, jobs=jobs or 1, walltime=walltime or 1, mail=target.mail)
    account = None if target.dry_run else check_key(target.base_url, target.key_file, os.environ)
    asked = account if check else None
    if not asked or sweeps.is_file(sweep):  # no run of it is known: leave now, before anything is created
        estimate.choose(None, request.cpus, jobs, walltime)
    sweep = sweeps.look_up(sweep, asked, target.logs) if asked else sweeps.take(sweep)
    plan = make_plan(sweep, asked, request.gpus or request.cpus, jobs, walltime)
    request = make_request(target, **{**request.as_asked(), "name": request.name, **plan.as_needs()})
    settings = {"SWEEP": sweep, "AGENT": target.project.agent, "AGENT_OPTIONS": agent}
    submission = launch(target, script.AGENT, request, settings)
    if submission:
        sweeps.forget_created(target.logs, sweep)
        submission.note(sweep, account, settings)
    if report or done:
        launch_last(target, submission, request.name, sweep, report, done)
    if submission:
        tell(submission, target.project)


def make_plan(
    sweep: str, account: Account | None, workers: int, jobs: int | None, walltime: int | None
) -> estimate.Plan:
    """The number of jobs and the walltime, as given or by what is left; prints advice on them."""
    points = read_points(sweep, account) if account else None
    if points and points.left == 0:
        raise click.ClickException(
            f"All {points.expected} runs of {sweep} are finished: nothing is left to do"
        )
    plan = estimate.choose(points, workers, jobs, walltime)
    if points and (advice := estimate.advise(points, plan, workers)):
        click.echo(advice, err=True)
    return plan


def launch_last(
    target: Target, submission: Submission | None, name: str, sweep: str, report: bool, done: str | None
) -> None:
    """Submit the job that starts when all others have ended; without a submission, as a dry run."""
    after = submission.job_id if submission else "ID-OF-THE-JOB-ABOVE"
    request = make_request(target, name=f"{name}-report", after=after, **REPORT)
    settings = {"SWEEP": sweep, "REPORT": target.project.report if report else ""}
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
    """What was submitted and what to do next."""
    jobs = "1 job" if submission.jobs == 1 else f"{submission.jobs} jobs"
    click.echo(f"Submitted {jobs} as {submission.job_id}; logs in {submission.folder}")
    if submission.report_id:
        click.echo(f"Then the report, as {submission.report_id}.")
    click.echo(f"See how they get on:  {project.command} {project.jobs} --watch")


@cli.command()
@click.argument("which", required=False)
@click.option("--watch", is_flag=True, help="Show it again and again until all jobs have ended.")
@interval_option
@logs_option
def status(which: str | None, watch: bool, interval: float, logs: Path) -> None:
    """Show jobs, agents and points of WHICH: a job's id or a logs folder; the last submission if left out."""
    from rich.console import Console

    from metasweep.cluster.looking.table import show

    submission = find(logs, which)
    scheduler = schedulers.find(submission.scheduler)
    console = Console()
    while True:
        jobs = scheduler.jobs(submission.job_id)
        last = scheduler.jobs(submission.report_id) if submission.report_id else []
        picture = show(submission, scheduler, jobs, last, points_of(submission))
        if watch:
            console.clear()
        console.print(picture)
        if watch:
            now = time.strftime("%H:%M:%S")
            console.print(f"{now}, again every {interval:g} s", style="dim", highlight=False)
        if not watch or all(job.state == "ended" for job in [*jobs, *last]):
            return
        time.sleep(interval)


def points_of(submission: Submission) -> Points | str:
    """The points of the sweep, or why they cannot be read: the jobs are shown all the same."""
    if not submission.sweep:
        return ""
    try:
        return read_points(submission.sweep, submission.account(os.environ))
    except click.ClickException as error:
        return f"not known: {error.format_message()}"


@cli.command()
@click.argument("which", required=False)
@click.option("--job", type=click.IntRange(min=0), help="Only the job with that index, all of its output.")
@click.option(
    "--lines", type=click.IntRange(min=1), default=10, show_default=True, help="Last lines of each job."
)
@click.option("--follow", is_flag=True, help="Go on with what is written until all jobs have ended.")
@interval_option
@logs_option
def logs(which: str | None, job: int | None, lines: int, follow: bool, interval: float, logs: Path) -> None:
    """Show the output of WHICH: a job's id or a logs folder; the last submission if left out."""
    submission = find(logs, which)
    outputs = submission.outputs(job)
    if not outputs and not follow:
        raise click.ClickException(f"No output yet in {submission.folder}")
    for path in outputs.values():
        if job is None:
            click.echo(f"== {path.name}")
        click.echo("\n".join(watching.tail(path, lines if job is None else sys.maxsize)))
    if follow:
        go_on(submission, schedulers.find(submission.scheduler), job, interval)


def go_on(submission: Submission, scheduler: Scheduler, job: int | None, interval: float) -> None:
    """Print what the jobs write from now on, until all have ended."""
    positions = {index: path.stat().st_size for index, path in submission.outputs(job).items()}
    ended = False
    while not ended:
        ended = all(one.state == "ended" for one in scheduler.jobs(submission.job_id))
        for index, line in watching.follow(submission.outputs(job), positions):
            click.echo(f"{index}: {line}")
        if not ended:
            time.sleep(interval)


@cli.command()
@click.argument("which", required=False)
@click.option(
    "--force",
    is_flag=True,
    help="Kill those that are still there after their delay, also on a node that does not answer.",
)
@click.option("--dry-run", is_flag=True, help="Print the jobs, and do nothing.")
@interval_option
@logs_option
def cancel(which: str | None, force: bool, dry_run: bool, interval: float, logs: Path) -> None:
    """End the jobs of WHICH (a job's id or a logs folder; the last submission if left out).

    Agents get the scheduler's 10 seconds: they hand their runs back to the sweep with a checkpoint, so that
    other agents can go on with them.
    """
    submission = find(logs, which)
    scheduler = schedulers.find(submission.scheduler)
    living = [one for one in reversed(submission.job_ids) if watching.is_living(scheduler, one)]
    if not living:
        click.echo(f"{submission.job_id} has ended already.")
        return
    if dry_run:
        click.echo(f"Would cancel {', '.join(living)}.")
        return
    scheduler.cancel(living)
    delay = scheduler.site.kill_delay
    click.echo(f"Cancelled {', '.join(living)}: its agents have {delay} seconds to hand their runs back.")
    if force and (left := watching.wait_for_end(scheduler, living, 2 * delay, interval)):
        scheduler.cancel(left, force=True)
        click.echo(f"Killed {', '.join(left)}, which did not end: what its runs had not sent is lost.")


def call(command: click.Command, project: Project) -> None:
    """Run a command line for a project; every mistake is one line."""
    try:
        sys.exit(command.main(prog_name=project.command, standalone_mode=False, obj=project) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(error.exit_code)
    except click.ClickException as error:
        click.echo(f"Error: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
