"""From a request to a job that exists: the script in its folder, the submission, the note of it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from metasweep.cluster.command import NoAnswer
from metasweep.cluster.schedulers import Request, Scheduler
from metasweep.cluster.script import REPOSITORY, render
from metasweep.cluster.submission import Submission, create_folder, name_folders


@dataclass(frozen=True)
class Site:
    """Where jobs go and what they find there; the options that every submitting command has."""

    scheduler: Scheduler
    logs: Path
    modules: str = ""
    image: str = ""
    venv: Path | None = None
    base_url: str = ""
    key_file: Path | None = None
    queue: str | None = None
    dry_run: bool = False

    def settings(self) -> dict[str, str]:
        """The settings that every job script has. No secret is among them."""
        given = {"MODULES": self.modules, "IMAGE": self.image, "BASE_URL": self.base_url}
        given |= {"VENV": str(self.venv or ""), "KEY_FILE": str(self.key_file or "")}
        return {"REPOSITORY": str(REPOSITORY), **{name: value for name, value in given.items() if value}}


def make_request(site: Site, **needs: Any) -> Request:
    """A request for that site. Raises click.UsageError for what its scheduler cannot be asked for."""
    request = Request(**needs, logs=site.logs, queue=site.queue)
    if refusal := site.scheduler.refuse(request):
        raise click.UsageError(refusal)
    return request


def launch(site: Site, script: str, request: Request, settings: Mapping[str, str]) -> Submission | None:
    """Submit one of the job scripts; None for a dry run, which prints what would be done."""
    if site.dry_run:
        show(site, script, replace(request, logs=next(name_folders(site.logs, request.name))), settings)
        return None
    folder = create_folder(site.logs, request.name)
    try:
        job_id = send(site, script, replace(request, logs=folder), settings)
    except NoAnswer as error:  # a job may have come of it, which writes there
        doubt = f"if the job does not exist all the same: its output would be in {folder}"
        raise NoAnswer(f"{error.message}, {doubt}") from error
    except click.ClickException:
        shutil.rmtree(folder)
        raise
    submission = Submission(folder, site.scheduler.name, request.name, job_id, request.jobs)
    submission.key_file = str(site.key_file) if site.key_file else None
    submission.save()
    return submission


def write(site: Site, script: str, request: Request, settings: Mapping[str, str]) -> str:
    """The text of a job script for a request."""
    settings = {**site.settings(), "LOGS": str(request.logs), **settings}
    return render(script, site.scheduler.marker, site.scheduler.directives(request), settings)


def send(site: Site, script: str, request: Request, settings: Mapping[str, str]) -> str:
    """Write a job script into the folder of its logs and submit it; the job's id."""
    path = request.logs / script
    path.write_text(write(site, script, request, settings))
    return site.scheduler.submit(path)


def show(site: Site, script: str, request: Request, settings: Mapping[str, str]) -> None:
    """Print a job script and the command that would submit it."""
    path = request.logs / script
    text = write(site, script, request, settings)
    click.echo(f"# {path}\n{text}")
    click.echo(f"$ {shlex.join(site.scheduler.command(path))}")
