"""The project that jobs belong to: its folder, and the commands that Python runs there.

By default this is the tool in the current folder. A clone with its own agent and report, such as the study
here, passes another `Project` to the commands as click's context object.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True)
class Project:
    """A folder with a program, and the commands that are used for it."""

    folder: Path
    """Where the jobs run; its `logs/` holds their output."""
    agent: str = "-m metasweep agent"
    """What Python runs in a job of agents."""
    report: str = "-m metasweep"
    """What Python runs for `status` and `report`."""
    command: str = "metasweep"
    """The name of these commands here, for messages."""
    jobs: str = "jobs"
    """The name of the command that shows the jobs."""
    venv: Path | None = None
    """The environment of the jobs; None: the folder's `.venv`, else the one of this command."""
    site: Path | None = None
    """The description of the cluster, unless --site names another."""


def current() -> Project:
    """Return the project of the running command: the one it was given, or the current folder's."""
    context = click.get_current_context(silent=True)
    given = context.find_object(Project) if context else None
    return given or Project(Path.cwd())
