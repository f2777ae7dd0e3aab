"""Where jobs run and what they find there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from metasweep.cluster.project import Project
from metasweep.cluster.schedulers import Scheduler


@dataclass(frozen=True)
class Target:
    """The options that every submitting command has."""

    project: Project
    scheduler: Scheduler
    logs: Path
    modules: str = ""
    image: str = ""
    venv: Path | None = None
    base_url: str = ""
    key_file: Path | None = None
    queue: str | None = None
    mail: str | None = None
    dry_run: bool = False

    def settings(self) -> dict[str, str]:
        """Return the settings for every job script. None of them is secret."""
        given = {"MODULES": self.modules, "IMAGE": self.image, "BASE_URL": self.base_url}
        given |= {"VENV": str(self.venv or ""), "KEY_FILE": str(self.key_file or "")}
        return {
            "PROJECT": str(self.project.folder),
            **{name: value for name, value in given.items() if value},
        }
