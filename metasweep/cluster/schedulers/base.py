"""What every scheduler can be asked, and its answers, in the same words for PBS and Slurm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import click

from metasweep.cluster.schedulers.command import NotHere
from metasweep.cluster.site import Queue, Site

State = Literal["queued", "running", "ended"]
Lack = Literal["memory", "time"]


@dataclass(frozen=True)
class Request:
    """One submission: `jobs` equal jobs, what each of them needs, and where their output goes."""

    name: str
    walltime: int  # seconds
    logs: Path
    jobs: int = 1
    max_running: int | None = None
    cpus: int = 1
    mem: str = "2gb"
    scratch: str | None = None
    scratch_kind: str | None = None  # None if the site has no scratch to ask for
    gpus: int = 0
    gpu_mem: str | None = None
    gpu_cap: str | None = None
    queue: str | None = None
    mail: str | None = None
    after: str | None = None  # the id of a job that must have ended, with any result
    after_ok: str | None = None  # the id of a single job that must have succeeded

    def output(self, index: str) -> Path:
        """Return the output file of one job, by its index in the array."""
        return self.logs / f"{self.name}.{index}.log"

    @property
    def limit(self) -> str:
        """The limit of jobs at once, after an array's range. PBS also takes %0 and then starts no job."""
        return f"%{self.max_running}" if self.max_running and self.max_running < self.jobs else ""

    def as_asked(self) -> dict[str, Any]:
        """Return everything that can be asked for again: all but the folder and the jobs it waited for."""
        left_out = ("logs", "name", "after", "after_ok")
        return {name: value for name, value in asdict(self).items() if name not in left_out}


@dataclass(frozen=True)
class Job:
    """One job, or one member of an array of jobs, in its current state."""

    id: str
    index: int  # 1 for a job that is no member of an array
    state: State
    node: str = ""
    started: float | None = None  # seconds since the epoch
    exit_status: int | None = None
    comment: str = ""
    run_count: int = 1
    output: Path | None = None  # the scheduler's output file, if known
    mem_used: int | None = None  # bytes, the peak
    mem_asked: int | None = None
    time_used: float | None = None  # seconds
    time_asked: float | None = None


class Scheduler(ABC):
    """A batch system. Every method that runs its commands may raise click.ClickException, in one line."""

    name: ClassVar[str]
    submit_program: ClassVar[str]
    marker: ClassVar[str]  # how its lines in a job script begin

    def __init__(self, site: Site | None = None) -> None:
        self.site = site or Site()

    def refuse(self, request: Request) -> str | None:
        """Return why this scheduler cannot take the request; None if it can."""
        if not request.gpus and (request.gpu_mem or request.gpu_cap):
            return "--gpu-mem and --gpu-cap say which GPU: add --gpus 1"
        return None

    @cached_property
    def queues(self) -> tuple[Queue, ...]:
        """The queues, by the site's file, or else as the batch system tells them now."""
        try:
            return self.site.queues or self.ask_queues()
        except NotHere:  # a dry run elsewhere
            return ()

    @abstractmethod
    def ask_queues(self) -> tuple[Queue, ...]:
        """The queues that take jobs."""

    def longest(self, queue: str | None, gpus: bool) -> int | None:
        """The longest walltime in seconds, in one queue or in any for such jobs; None without a limit."""
        fitting = [
            one.walltime
            for one in self.queues
            if one.name == queue or (not queue and not one.named and one.gpus in (gpus, None))
        ]
        limits = [walltime for walltime in fitting if walltime is not None]
        return max(limits) if limits and len(limits) == len(fitting) else None

    @abstractmethod
    def directives(self, request: Request) -> list[str]:
        """Return the request as options, one for each line of a job script."""

    def command(self, script: Path) -> list[str]:
        """Return the command that submits a job script. All options are in the script."""
        return [self.submit_program, str(script)]

    @abstractmethod
    def submit(self, script: Path) -> str:
        """Submit a job script and return the job's id, after checking that the job exists."""

    def exists(self, job_id: str) -> bool:
        """Return whether a new job is known. If the scheduler cannot answer, assume that it is."""
        try:
            return bool(self.jobs(job_id))
        except click.ClickException as error:
            click.echo(f"{job_id} was submitted, but cannot be looked up now: {error.message}", err=True)
            return True

    @abstractmethod
    def jobs(self, job_id: str) -> list[Job]:
        """Return every job under that id, in the order of the indices.

        Empty if the id is unknown (by now).
        """

    @abstractmethod
    def cancel(self, job_ids: Sequence[str], force: bool = False) -> None:
        """End jobs with SIGTERM, then SIGKILL. With `force` kill at once, even if a node does not answer."""

    @abstractmethod
    def how_ended(self, job: Job) -> str:
        """Return in plain words how a job ended, from its exit status alone."""

    @abstractmethod
    def lack(self, job: Job) -> Lack | None:
        """Return what an ended job lacked, as far as the scheduler knows."""

    @abstractmethod
    def explain(self, comment: str) -> str:
        """Return the scheduler's comment on a waiting job in plain words.

        Empty if there is nothing to say.
        """
