"""Whose jobs they are: where the program works, and what Python runs there.

For everyone that is the tool in the present folder. A clone with an agent and a report of its own, such as
the study here, hands the commands another `Project` as click's context object.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click


@dataclass(frozen=True)
class Project:
    """A folder with a program, and the commands that are used for it."""

    folder: Path
    """Where the jobs work; its `logs/` holds what they write."""
    agent: str = "-m metasweep agent"
    """What Python runs in a job of agents."""
    report: str = "-m metasweep"
    """What Python runs for `status` and `report`."""
    command: str = "metasweep"
    """How these commands are called here, for advice."""
    jobs: str = "jobs"
    """The name of the command that shows the jobs."""
    venv: Path | None = None
    """The environment of the jobs; None: the folder's `.venv`, or else the one that this command is in."""
    site: Path | None = None
    """The description of the cluster, where --site names no other."""


def current() -> Project:
    """Return the project of the command that runs: the one that it was given, or the present folder's."""
    context = click.get_current_context(silent=True)
    given = context.find_object(Project) if context else None
    return given or Project(Path.cwd())
