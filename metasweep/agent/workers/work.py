"""What the workers of an agent share: the sweep, the limits, the counts, and the decision when to stop."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from metasweep.agent.node.walltime import Walltime
from metasweep.agent.points.missing import Missing
from metasweep.agent.progress import ProgressMonitor
from metasweep.agent.runs import runfiles, unsent
from metasweep.agent.workers.ahead import Ahead
from metasweep.agent.workers.idling import Idling
from metasweep.batch.exit_codes import DONE, FAILING, FAULT, USAGE
from metasweep.client.protocol import Client
from metasweep.client.sweep import Sweep, explain
from metasweep.client.transport import Refused, Unreachable
from metasweep.forks.pool import Pool
from metasweep.forks.processes.process import describe_status
from metasweep.sweeps.states import FINISHED


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
    taken_along: bool = False
    """Whether the process that trained it together with other runs has ended under it."""


class Work:
    """The shared state of all workers. Thread-safe."""

    def __init__(
        self,
        client: Client,
        sweep: Sweep,
        pool: Pool,
        *,
        extra_arguments: Sequence[str],
        count: int | None,
        max_failures: int,
        walltime: Walltime,
        missing: Missing | None,
        monitor: ProgressMonitor,
        gpus: Sequence[str],
        report: Callable[..., None],
    ) -> None:
        """`count` and `walltime` limit the work; `max_failures` failures in a row end it (0: never).

        `report(text, routine=False)` tells the user; `routine` marks what a live display shows anyway.
        """
        self.client, self.sweep, self.pool = client, sweep, pool
        self.extra_arguments = extra_arguments
        self.stop = client.stop
        self.walltime = walltime
        self.missing = missing
        self.idling = Idling()
        self.ahead = Ahead(client, sweep, monitor, self.walltime)
        self.signals: list[float] = []
        """When the agent got signals that end it (monotonic clock). The signal handler appends."""
        self.exit_code = DONE
        self.finished = self.failed = self.stopped = self.killed = 0
        """Counts of runs; the killed ones are included in the failed ones."""
        self.first_seconds: float | None = None
        """Seconds of the first finished run."""
        self.reason = ""
        """Why the work ends early or badly."""
        self.unfinished: dict[str, Outcome] = {}
        """The last outcome of each point that failed here and was not finished here later."""
        self.unreported: list[str] = []
        """Runs that ended without the server knowing it."""
        self.kept: list[str] = []
        """Runs that were stopped here and that the server may not offer again."""
        self.began = self.changed = time.monotonic()
        """`changed` is the time at which the last run ended."""
        self._gpus = gpus
        self._unsent: list[Run] = []
        self._monitor = monitor
        self._left = count
        self._max_failures = max_failures
        self._failures_in_a_row = 0
        self._failing: list[dict[str, Any]] = []
        """The points that failed in a row."""
        self._out_of_time = False
        self._report = report
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
            left = self._monitor.unfinished
            rest = "" if left is None else f"{left} runs are not finished, "
            self._report(f"leaving the rest to others: {rest}{self.walltime}")

    def cancel_claim(self) -> None:
        """Release a reserved run."""
        with self._lock:
            if self._left is not None:
                self._left += 1

    def note_start(self, run: Run) -> None:
        """Print that a run starts."""
        self._report(f"run {run.shown} starts: {self.sweep.varying(run.point)}", routine=True)

    def note_end(self, outcome: Outcome) -> None:
        """Count a run. Stop if runs keep failing."""
        with self._lock:
            self._count(outcome)
        run = outcome.run
        if outcome.stopped:
            self._report(f"run {run.shown} stopped after {outcome.seconds:.1f} s")
        elif outcome.failed:
            self._report(f"run {run.shown} failed after {outcome.seconds:.1f} s: {outcome.reason}")
            self._judge(outcome)
        else:
            self._report(f"run {run.shown} finished in {outcome.seconds:.1f} s", routine=True)

    def gpus_of(self, worker: int) -> dict[str, str]:
        """Return the variable that gives the runs of a worker their GPUs; workers count from 1."""
        return {"CUDA_VISIBLE_DEVICES": self._gpus[(worker - 1) % len(self._gpus)]} if self._gpus else {}

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
            if not outcome.taken_along:
                self._failures_in_a_row += 1
                self._failing.append(outcome.run.point)
        else:
            self.finished += 1
            if self.first_seconds is None:
                self.first_seconds = outcome.seconds
            self.unfinished.pop(point, None)
            self.walltime.note(outcome.seconds)
            self._failures_in_a_row = 0
            self._failing.clear()

    def _judge(self, outcome: Outcome) -> None:
        """Stop if every run of the sweep would fail in the same way."""
        if outcome.status == USAGE and not self.finished:
            self.finish_early(FAILING, f"the program refuses its arguments: {outcome.reason}")
        else:
            self._stop_if_failing(outcome.reason)

    def note_trainer_end(self, status: int) -> None:
        """Count the end of a trainer as one failure, no matter how many runs it trained."""
        reason = f"the trainer: {describe_status(status)}"
        self._report(f"a trainer ended, and its runs with it: {describe_status(status)}")
        with self._lock:
            self._failures_in_a_row += 1
        self._stop_if_failing(reason)

    def _stop_if_failing(self, reason: str) -> None:
        if self._max_failures and self._failures_in_a_row >= self._max_failures:
            self.finish_early(FAILING, self._describe_failures(reason))

    def _describe_failures(self, reason: str) -> str:
        """Say what failures in a row have in common: some value, this node, or only the program."""
        row = f"{self._failures_in_a_row} runs in a row failed here"
        if culprits := self._suspects():
            return f"{row}, all with {culprits}, with which none has finished; the last with {reason}"
        self._monitor.ask(since=time.monotonic())
        if (elsewhere := self._monitor.finished_elsewhere(self.finished)) > 0:
            host = socket.gethostname()
            return (
                f"node {host} looks bad: {row} while {elsewhere} finished elsewhere; the last with {reason}"
            )
        return f"{row}, the last with {reason}"

    def _suspects(self) -> str:
        """Return the values that all failing points share and no finished run has.

        Empty without a finished run.
        """
        try:
            runs = self.client.runs(self.sweep.name)
            finished = [config for _, state, config in runs if state == FINISHED]
        except (Refused, Unreachable):
            return ""
        first = self._failing[0] if self._failing else {}
        shared = {
            name: value
            for name, value in first.items()
            if all(point.get(name) == value for point in self._failing)
            and not any(config.get(name) == value for config in finished)
        }
        return self.sweep.varying(shared) if finished else ""

    def finish_early(self, exit_code: int, message: str) -> None:
        """Stop claiming, and print why. Only the first reason counts."""
        with self._lock:
            first, self.exit_code = not self.exit_code, self.exit_code or exit_code
            self.stop.set()
            self.reason = message if first else self.reason
        if first:
            self._report(f"stopping: {message}")

    def refuse(self, error: Refused) -> None:
        """Stop because the server refused a request."""
        gone = error.status == 404
        message = f"sweep {self.sweep.name} is gone" if gone else explain(error, self.client.account)
        self.finish_early(FAULT, message)
