"""Jobs of sweep agents on a cluster: the commands `metasweep hello | submit | jobs | logs | cancel`.

Exit status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from metasweep.batch.exit_codes import INTERRUPTED
from metasweep.cluster import schedulers
from metasweep.cluster.options import current_site, interval_option, logs_option
from metasweep.cluster.project import Project
from metasweep.cluster.schedulers import Scheduler
from metasweep.cluster.status import watching
from metasweep.cluster.status.points import Points, read_points
from metasweep.cluster.submission import CANARY_INDEX, Submission, find
from metasweep.cluster.submitting.cli import hello, submit


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run a sweep's agents as jobs of a cluster (OpenPBS as on MetaCentrum, or Slurm)."""


cli.add_command(hello)
cli.add_command(submit)


@cli.command()
@click.argument("which", required=False)
@click.option("--watch", is_flag=True, help="Refresh until all jobs have ended.")
@interval_option
@logs_option
def status(which: str | None, watch: bool, interval: float, logs: Path) -> None:
    """Show jobs, agents and points of WHICH: a job's id or a logs folder; the last submission if left out."""
    from rich.console import Console

    from metasweep.cluster.status.table import show

    submission, scheduler = look_for(logs, which)
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


def look_for(logs: Path, which: str | None) -> tuple[Submission, Scheduler]:
    """Return the submission and its scheduler. WHICH may also be the id of a job that was submitted by hand.

    Raises click.ClickException.
    """
    site = current_site()
    try:
        submission = find(logs, which)
        return submission, schedulers.find(submission.scheduler, site)
    except click.ClickException:
        if not which or not which[0].isdigit():
            raise
        scheduler = schedulers.find(None, site)
        if not (found := Submission.by_hand(logs, scheduler, which)):
            raise
        return found, scheduler


def points_of(submission: Submission) -> Points | str:
    """Return the points of the sweep, or why they cannot be read: the jobs are shown in any case."""
    if not submission.sweep:
        return ""
    try:
        return read_points(submission.sweep, submission.account(os.environ))
    except click.ClickException as error:
        return f"not known: {error.format_message()}"


@cli.command()
@click.argument("which", required=False)
@click.option(
    "--job",
    type=click.IntRange(min=0),
    help="Show all output of the job with this index, and no other; 0: of the run that went ahead.",
)
@click.option(
    "--lines",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many last lines of each job to show.",
)
@click.option("--follow", is_flag=True, help="Keep printing new output until all jobs have ended.")
@interval_option
@logs_option
def logs(which: str | None, job: int | None, lines: int, follow: bool, interval: float, logs: Path) -> None:
    """Show the output of WHICH: a job's id or a logs folder; the last submission if left out."""
    submission, scheduler = look_for(logs, which)
    outputs = submission.outputs(job)
    if not outputs and not follow:
        raise click.ClickException(f"No output yet in {submission.folder}")
    for path in outputs.values():
        if job is None:
            click.echo(f"== {path.name}")
        click.echo("\n".join(watching.tail(path, lines if job is None else sys.maxsize)))
    if follow:
        go_on(submission, scheduler, job, interval)


def go_on(submission: Submission, scheduler: Scheduler, job: int | None, interval: float) -> None:
    """Print new output of the jobs until all have ended."""
    positions = {index: path.stat().st_size for index, path in submission.outputs(job).items()}
    ended = False
    while not ended:
        ended = all(one.state == "ended" for one in scheduler.jobs(submission.job_id))
        for index, line in watching.follow(submission.outputs(job), positions):
            click.echo(f"{'canary' if index == CANARY_INDEX else index}: {line}")
        if not ended:
            time.sleep(interval)


@cli.command()
@click.argument("which", required=False)
@click.option(
    "--force",
    is_flag=True,
    help="Then kill jobs that are still running, even on a node that does not answer.",
)
@click.option("--dry-run", is_flag=True, help="Only print the jobs.")
@interval_option
@logs_option
def cancel(which: str | None, force: bool, dry_run: bool, interval: float, logs: Path) -> None:
    """End the jobs of WHICH (a job's id or a logs folder; the last submission if left out).

    Agents have 10 seconds before the scheduler kills them. They release their runs with a checkpoint, and
    other agents continue these runs.
    """
    submission, scheduler = look_for(logs, which)
    living = [one for one in reversed(submission.job_ids) if watching.is_living(scheduler, one)]
    if not living:
        click.echo(f"{submission.job_id} has ended already.")
        return
    if dry_run:
        click.echo(f"Would cancel {', '.join(living)}.")
        return
    scheduler.cancel(living)
    delay = scheduler.site.kill_delay
    click.echo(f"Cancelled {', '.join(living)}: its agents have {delay} seconds to release their runs.")
    if force and (left := watching.wait_for_end(scheduler, living, 2 * delay, interval)):
        scheduler.cancel(left, force=True)
        click.echo(f"Killed {', '.join(left)}, which did not end: what its runs had not sent is lost.")


def call(command: click.Command, project: Project) -> None:
    """Run a command line for a project. Every error is printed in one line."""
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
