"""From a request to a job: writes the script into its folder, submits it, and records the submission."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from metasweep.batch.walltime import clock
from metasweep.cluster.schedulers import Request
from metasweep.cluster.schedulers.command import NoAnswer
from metasweep.cluster.submission import Submission, create_folder, name_folders
from metasweep.cluster.submitting.script import render
from metasweep.cluster.target import Target


def make_request(target: Target, **needs: Any) -> Request:
    """Make a request for that target. Raises click.UsageError if the target cannot fulfil it."""
    site = target.scheduler.site
    request = Request(**{"queue": target.queue, **needs}, logs=target.logs)
    if site.scratch:
        request = replace(request, scratch=request.scratch or site.scratch.size)
        if request.scratch_kind is None:
            request = replace(request, scratch_kind=site.scratch.kinds[0])
        elif request.scratch_kind not in site.scratch.kinds:
            known = ", ".join(site.scratch.kinds)
            raise click.UsageError(
                f"{site.name} has no scratch {request.scratch_kind!r}: take one of {known}"
            )
    if refusal := target.scheduler.refuse(request):
        raise click.UsageError(refusal)
    longest = target.scheduler.longest(request.queue, request.gpus > 0)
    if longest and request.walltime > longest:
        where = f"the queue {request.queue}" if request.queue else f"any queue of {site.name}"
        raise click.UsageError(
            f"{clock(request.walltime)} is longer than {where} takes: {clock(longest)} is the longest"
        )
    return request


def at_most(target: Target, walltime: int, gpus: int = 0) -> int:
    """That walltime, or the longest that a queue has, in seconds; for jobs whose walltime is our choice."""
    return min(walltime, target.scheduler.longest(target.queue, gpus > 0) or walltime)


def launch(target: Target, body: Path, request: Request, settings: Mapping[str, str]) -> Submission | None:
    """Submit one kind of job. A dry run only prints what would be done, and returns None."""
    if target.dry_run:
        show(target, body, replace(request, logs=next(name_folders(target.logs, request.name))), settings)
        return None
    folder = create_folder(target.logs, request.name)
    request = replace(request, logs=folder)
    try:
        job_id = send(target, body, request, settings)
    except NoAnswer as error:  # the job may exist nevertheless, and writes there
        doubt = f"if the job exists nevertheless, its output would be in {folder}"
        raise NoAnswer(f"{error.message}, {doubt}") from error
    except click.ClickException:
        shutil.rmtree(folder)
        raise
    submission = Submission(folder, target.scheduler.name, request.name, job_id, request.jobs)
    submission.key_file = str(target.key_file) if target.key_file else None
    submission.asked, submission.project = request.as_asked(), str(target.project.folder)
    submission.save()
    return submission


def write(target: Target, body: Path, request: Request, settings: Mapping[str, str]) -> str:
    """Return the text of a job script for a request."""
    settings = {**target.settings(), "LOGS": str(request.logs), **settings}
    return render(body, target.scheduler.marker, target.scheduler.directives(request), settings)


def send(target: Target, body: Path, request: Request, settings: Mapping[str, str]) -> str:
    """Write a job script into its logs folder and submit it; return the job's id."""
    path = request.logs / body.name
    path.write_text(write(target, body, request, settings), "utf-8")
    return target.scheduler.submit(path)


def show(target: Target, body: Path, request: Request, settings: Mapping[str, str]) -> None:
    """Print a job script and the command that would submit it."""
    path = request.logs / body.name
    click.echo(f"# {path}\n{write(target, body, request, settings)}")
    click.echo(f"$ {shlex.join(target.scheduler.command(path))}")
