"""What was submitted: one folder under logs/ for each submission, with the script, the ids and the output.

logs/metasweep-20260724-101500/
    submission.json        what was asked for, and the scheduler's ids
    agent.sh               the script as submitted
    metasweep.4.log        output of member 4 of the array, live; of a plain job, number 1
    agent.4.json           the state of its runs, written by its agent (metasweep/batch/tally.py)
    ended.4.NODE.PID       its program's exit status, which a scheduler loses after a signal
    unsent.4.XXXXXX/       records that could not be sent to the server, if any
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from metasweep.batch import tally
from metasweep.batch.files import replace_text
from metasweep.batch.tally import Tally
from metasweep.client.account import Account, resolve
from metasweep.cluster.keys import read_key
from metasweep.cluster.schedulers import Scheduler
from metasweep.cluster.serving.place import Place
from metasweep.cluster.serving.relay import open_account

NAME = "submission.json"
CANARY_INDEX = 0
"""The number that stands for the canary; the members of our arrays begin with 1."""


@dataclass
class Submission:
    """One submission, as it is kept in submission.json."""

    folder: Path = field(repr=False)
    scheduler: str
    name: str
    job_id: str
    jobs: int = 1
    sweep: str | None = None
    base_url: str | None = None
    key_file: str | None = None
    report_id: str | None = None
    report_folder: str | None = None
    asked: dict[str, Any] | None = None
    """What each job got, in order to ask for more of it later."""
    settings: dict[str, str] | None = None
    """The settings of its script, in order to use them again."""
    project: str | None = None
    """The folder in which the jobs run."""
    retries: int = 0
    canary_id: str | None = None
    canary_folder: str | None = None
    served: str | None = None
    """The folder of a server that runs as a job; None without one."""
    server_ids: list[str] = field(default_factory=list)
    written: dict[int, Path] = field(default_factory=dict)
    """The output files of jobs that were submitted by hand; other jobs write into the folder."""

    def save(self) -> None:
        """Write submission.json."""
        content = {name: value for name, value in asdict(self).items() if name not in ("folder", "written")}
        replace_text(self.folder / NAME, json.dumps(content, indent=2) + "\n")

    def note(self, sweep: str, account: Account | None, settings: dict[str, str]) -> None:
        """Store the sweep and its server, but never the key."""
        self.sweep, self.settings = sweep, settings
        self.base_url = account.base_url if account and not self.served else None
        self.save()

    def follow(self, canary: Submission | None, served: Path | None, server_ids: list[str]) -> None:
        """Store what its jobs wait for: the canary, and a server that runs as a job."""
        if canary:
            self.canary_id, self.canary_folder = canary.job_id, str(canary.folder)
        self.served, self.server_ids = str(served) if served else None, server_ids

    def account(self, environ: Mapping[str, str]) -> Account:
        """Return the sweep's server and its key. Raises click.ClickException if there is no key."""
        if self.served:
            return open_account(Place(Path(self.served)))
        seen = {**environ, **({"WANDB_BASE_URL": self.base_url} if self.base_url else {})}
        if self.key_file:
            seen["WANDB_API_KEY"] = read_key(Path(self.key_file))
        return resolve(seen, Path.cwd())

    @classmethod
    def by_hand(cls, logs: Path, scheduler: Scheduler, job_id: str) -> Submission | None:
        """Return the submission of a job that was submitted by hand; None for an unknown job."""
        jobs = scheduler.jobs(job_id)
        if not jobs:
            return None
        found = cls(logs, scheduler.name, "", job_id, max(job.index for job in jobs))
        found.written = {job.index: job.output for job in jobs if job.output}
        return found

    @property
    def sweep_id(self) -> str:
        """The last part of the sweep's name."""
        return (self.sweep or "").rpartition("/")[2]

    @property
    def checkpoints(self) -> Path | None:
        """The folder in the agent's --checkpoint-dir option; None without one."""
        settings = self.settings or {}
        words = settings.get("AGENT_OPTIONS", "").replace("=", " ").split()
        if "--checkpoint-dir" not in words[:-1]:
            return None
        return Path(self.project or ".") / words[words.index("--checkpoint-dir") + 1]

    @property
    def job_ids(self) -> list[str]:
        """The ids of all its jobs, in the order in which they run."""
        ids = (self.canary_id, self.job_id, self.report_id)
        return [*self.server_ids, *(one for one in ids if one)]

    def log(self, index: int) -> Path | None:
        """Return the output of the member with that index; None without one."""
        path = self.written.get(index, self.folder / f"{self.name}.{index}.log")
        if index == CANARY_INDEX and self.canary_folder:
            path = next(Path(self.canary_folder).glob("*.1.log"), path)
        return path if path.exists() else None

    def outputs(self, index: int | None = None) -> dict[int, Path]:
        """Return the output of every member that has some, or only of the one with that index.

        Number `CANARY_INDEX` is the run that went ahead, if there is one.
        """
        members = sorted(self.written) or [CANARY_INDEX, *range(1, self.jobs + 1)]
        logs = ((one, self.log(one)) for one in (members if index is None else [index]))
        return {one: path for one, path in logs if path}

    def last_line(self, index: int) -> str:
        """Return the last line that the member with that index wrote, without the time."""
        path = self.log(index)
        if path is None:
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 2000))
            lines = file.read().decode(errors="replace").split("\n")
        # A progress bar overwrites its line; only the last text is visible.
        shown = (line.rstrip("\r").rpartition("\r")[2].strip() for line in reversed(lines))
        return re.sub(r"^\d\d:\d\d:\d\d ", "", next((line for line in shown if line), ""))

    def tally(self, index: int) -> Tally | None:
        """Return the state of the runs of that member's agent; None if it has not written one."""
        return tally.read(tally.name_file(self.folder, index))

    def program_status(self, index: int) -> int | None:
        """Return the exit status of that member's program. If the job ran again, the last one counts."""
        return program_status(self.folder, index)


def program_status(folder: Path, index: int) -> int | None:
    """Return the exit status that a job's program wrote beside its output.

    If it ran again, the last one counts.
    """
    names = folder.iterdir() if folder.is_dir() else ()
    notes = [path for path in names if path.name.startswith(f"ended.{index}.")]
    newest = max(notes, key=lambda path: path.stat().st_mtime, default=None)
    words = newest.read_text("utf-8").split() if newest else []
    return int(words[0]) if words else None  # a note that is being written is empty at first


def name_folders(logs: Path, name: str) -> Iterator[Path]:
    """Yield folders for a new submission, in the order in which to try them."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return (logs / f"{name}-{stamp}{suffix}" for suffix in ("", *(f"-{count}" for count in range(2, 100))))


def create_folder(logs: Path, name: str) -> Path:
    """Create the folder for a new submission. Raises click.ClickException."""
    for folder in name_folders(logs, name):
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise click.ClickException(f"Cannot make the folder for the logs: {error}") from error
    raise click.ClickException(f"Too many submissions named {name} in one second")


def load(folder: Path) -> Submission:
    """Read a submission back. Raises click.ClickException."""
    try:
        return Submission(folder=folder, **json.loads((folder / NAME).read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise click.ClickException(f"{folder} is not the folder of a submission: {error}") from error


def is_folder(text: str) -> bool:
    """Return whether a text names a folder. A text that is too long for a name does not."""
    try:
        return Path(text).is_dir()
    except OSError:
        return False


def find(logs: Path, which: str | None) -> Submission:
    """Return the submission with that folder or job id, or the last one. Raises click.ClickException."""
    if which and is_folder(which):
        return load(Path(which).resolve())
    known = by_age(logs)
    if which:
        number = number_of(which)
        known = [one for one in known if number_of(one.job_id) == number or one.folder.name == which]
    if not known:
        raise click.ClickException(
            f"No submission{f' {which}' if which else ''} in {logs}: see what is there, or submit one first"
        )
    return known[-1]


def number_of(job_id: str) -> str:
    """Return the number in the id of a job, of an array or of one of its members: `7[].pbs`, `7_2`."""
    return re.split(r"[\[._]", job_id)[0]


def by_age(logs: Path) -> list[Submission]:
    """Return all submissions, the last one at the end. Raises click.ClickException."""
    paths = sorted(logs.glob(f"*/{NAME}"), key=lambda path: path.stat().st_mtime)
    return [load(path.parent) for path in paths]


def last_of(logs: Path, sweep: str) -> Submission | None:
    """The last submission of jobs for a sweep."""
    return next((one for one in reversed(by_age(logs)) if one.sweep == sweep), None)
