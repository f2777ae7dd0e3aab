"""What the workers of an agent share: the sweep, the limits, the counts, and the decision when to stop."""

from __future__ import annotations

import contextlib
import json
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from metasweep.agent.node.walltime import Walltime
from metasweep.agent.options import Options
from metasweep.agent.points.missing import Missing
from metasweep.agent.progress import ProgressMonitor
from metasweep.agent.runs import runfiles, unsent
from metasweep.agent.workers.ahead import Ahead
from metasweep.agent.workers.failures import Failures
from metasweep.agent.workers.idling import Idling
from metasweep.batch.exit_codes import DONE, FAILING, FAULT, USAGE
from metasweep.client.protocol import Client
from metasweep.client.sweep import Sweep, explain
from metasweep.client.transport import Refused
from metasweep.forks.pool import Pool
from metasweep.forks.processes.process import describe_status


@dataclass(frozen=True)
class Run:
    """A run that this agent has claimed."""

    id: str
    point: dict[str, Any]
    began: float
    name: str = ""
    """The run's name on the server's page, if the server sends it."""
    earlier: frozenset[str] = frozenset()
    """The folders in which the run wrote its records before it was stopped and taken up again."""

    @property
    def shown(self) -> str:
        """Return the run's name for people: `point-12 (k3x9a1fe)`, or its id."""
        return f"{self.name} ({self.id})" if self.name else self.id


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    run: Run
    seconds: float
    status: int
    """Exit code, or minus the signal that killed it."""
    stopped: bool
    """Whether it was told to stop, by the server or the agent."""
    failed: bool
    """Whether it ended, without having been stopped, in any state but finished, here or on the server."""
    reason: str
    """Why it failed, in one line."""
    trainer_ended: bool = False
    """Whether it ended because the process that trained it together with other runs had ended."""


@dataclass(eq=False)
class Work:
    """The shared state of all workers. Thread-safe."""

    client: Client
    sweep: Sweep
    pool: Pool
    options: Options
    walltime: Walltime
    missing: Missing | None
    monitor: ProgressMonitor
    gpus: Sequence[str]
    """A value of CUDA_VISIBLE_DEVICES for each run at a time; empty: runs see what this process sees."""
    report: Callable[..., None]
    """`report(text, routine=False)` tells the user; `routine` marks what a live display shows anyway."""
    signals: list[float] = field(default_factory=list)
    """When the agent got signals that end it (monotonic clock). The signal handler appends."""
    exit_code: int = DONE
    finished: int = 0
    failed: int = 0
    stopped: int = 0
    killed: int = 0
    """How many of the failed runs were killed."""
    first_seconds: float | None = None
    """Seconds of the first finished run."""
    reason: str = ""
    """Why the work ends early or badly."""
    unfinished: dict[str, Outcome] = field(default_factory=dict)
    """The last outcome of each point that failed here and was not finished here later."""
    unreported: list[str] = field(default_factory=list)
    """Runs that ended without the server knowing it."""
    kept: list[str] = field(default_factory=list)
    """Runs that were stopped here and that the server may not offer again."""

    def __post_init__(self) -> None:
        self.stop = self.client.stop
        self.idling = Idling()
        self.ahead = Ahead(self.client, self.sweep, self.monitor, self.walltime)
        self.began = self.changed = time.monotonic()
        """`changed` is the time at which the last run ended."""
        self._unsent: list[Run] = []
        self._left = self.options.count
        self._failures = Failures(self.client, self.sweep, self.monitor)
        self._out_of_time = False
        self._lock = threading.Lock()

    def begin_claim(self) -> bool:
        """Reserve one run of the count. Return False if no run may be claimed."""
        with self._lock:
            if self.stop.is_set() or self.signals or self._left == 0:
                return False
            if not self.walltime.fits():
                self._say_no_time()
                return False
            if self._left is not None:
                self._left -= 1
            return True

    def _say_no_time(self) -> None:
        """Print once that the job has no time for another run."""
        if not self._out_of_time:
            self._out_of_time = True
            left = self.monitor.unfinished
            rest = "" if left is None else f"{left} runs are not finished, "
            self.report(f"leaving the rest to others: {rest}{self.walltime}")

    def cancel_claim(self) -> None:
        """Release a reserved run."""
        with self._lock:
            if self._left is not None:
                self._left += 1

    def note_start(self, run: Run) -> None:
        """Print that a run starts."""
        self.report(f"run {run.shown} starts: {self.sweep.varying(run.point)}", routine=True)

    def note_end(self, outcome: Outcome) -> None:
        """Count a run. Stop if runs keep failing."""
        with self._lock:
            self._count(outcome)
        run = outcome.run
        if outcome.stopped:
            self.report(f"run {run.shown} stopped after {outcome.seconds:.1f} s")
        elif outcome.failed:
            self.report(f"run {run.shown} failed after {outcome.seconds:.1f} s: {outcome.reason}")
            self._judge(outcome)
        else:
            self.report(f"run {run.shown} finished in {outcome.seconds:.1f} s", routine=True)

    def gpus_of(self, worker: int) -> dict[str, str]:
        """Return the variable that gives the runs of a worker their GPUs; workers count from 1."""
        return {"CUDA_VISIBLE_DEVICES": self.gpus[(worker - 1) % len(self.gpus)]} if self.gpus else {}

    def note_sent(self, run: Run, ended_itself: bool) -> None:
        """Note that the server has all of a run; for a killed run only once the wandb service has ended."""
        if not ended_itself:
            self._unsent.append(run)
            return
        folder = runfiles.wandb_folder()
        with contextlib.suppress(OSError):  # a run without a note is kept, and may be sent twice
            unsent.note_sent(folder, unsent.folders_of(folder, run.id) - run.earlier)

    def note_service_end(self) -> None:
        """Note that the wandb service has sent everything, also of the runs that were killed."""
        for run in self._unsent:
            self.note_sent(run, ended_itself=True)

    def _count(self, outcome: Outcome) -> None:
        self.changed = time.monotonic()
        point = json.dumps(outcome.run.point, sort_keys=True, default=str)
        if outcome.stopped:
            self.stopped += 1
        elif outcome.failed:
            self.failed += 1
            self.killed += outcome.status == -signal.SIGKILL
            self.unfinished[point] = outcome
            if not outcome.trainer_ended:
                self._failures.note(outcome.run.point)
        else:
            self.finished += 1
            if self.first_seconds is None:
                self.first_seconds = outcome.seconds
            self.unfinished.pop(point, None)
            self.walltime.note(outcome.seconds)
            self._failures.clear()

    def _judge(self, outcome: Outcome) -> None:
        """Stop if every run of the sweep would fail in the same way."""
        if outcome.status == USAGE and not self.finished:
            self.finish_early(FAILING, f"the program refuses its arguments: {outcome.reason}")
        else:
            self._stop_if_failing(outcome.reason)

    def note_trainer_end(self, status: int) -> None:
        """Count the end of a trainer as one failure, no matter how many runs it trained."""
        reason = f"the trainer: {describe_status(status)}"
        self.report(f"a trainer ended, and its runs with it: {describe_status(status)}")
        with self._lock:
            self._failures.note(None)
        self._stop_if_failing(reason)

    def _stop_if_failing(self, reason: str) -> None:
        most = self.options.max_failures
        if most and self._failures.in_a_row >= most:
            self.finish_early(FAILING, self._failures.describe(reason, self.finished))

    def finish_early(self, exit_code: int, message: str) -> None:
        """Stop claiming, and print why. Only the first reason counts."""
        with self._lock:
            first, self.exit_code = not self.exit_code, self.exit_code or exit_code
            self.stop.set()
            self.reason = message if first else self.reason
        if first:
            self.report(f"stopping: {message}")

    def refuse(self, error: Refused) -> None:
        """Stop because the server refused a request."""
        gone = error.status == 404
        message = f"sweep {self.sweep.name} is gone" if gone else explain(error, self.client.account)
        self.finish_early(FAULT, message)
