"""All workers of this agent together: what they share, and when it is enough."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence

from metasweep.agent.missing import Missing
from metasweep.agent.progress import Watch
from metasweep.agent.slot import Outcome, Run, Slot
from metasweep.agent.trainers import Trainers
from metasweep.agent.walltime import Walltime
from metasweep.client.protocol import Client, Refused
from metasweep.client.sweep import Sweep, explain
from metasweep.forks.pool import Pool
from metasweep.forks.process import describe_status

DONE, FAULT, USAGE, PREEMPTED, FAILING = 0, 1, 2, 3, 4
"""Exit codes: done or nothing left; anything else; wrong usage; told to go; runs keep failing."""
TRAINER_GONE = 75  # exit code of a run whose trainer has ended

TERM_SECONDS = 4.5  # from SIGTERM to SIGKILL for the workers
GONE_SECONDS = 7.0  # from SIGTERM to the end of everything: a batch system kills after 10


class Fleet:
    """The workers and the tally of their runs."""

    def __init__(
        self,
        client: Client,
        sweep: Sweep,
        pool: Pool,
        *,
        extra_arguments: Sequence[str] = (),
        count: int | None = None,
        max_failures: int = 5,
        walltime: Walltime | None = None,
        missing: Missing | None = None,
        watch: Watch | None = None,
        report: Callable[[str], None] = print,
    ) -> None:
        """`count` and `walltime` limit the work; so many failures in a row end it (0: never)."""
        self.client, self.sweep, self.pool = client, sweep, pool
        self.extra_arguments = extra_arguments
        self.stop = client.stop
        self.walltime = walltime or Walltime(None)
        self.missing, self.watch = missing, watch
        self.trainers: Trainers | None = None
        """Where the runs are trained, if not each in its own process."""
        self.told: list[float] = []
        """When we were told to go, by signals; the handler appends."""
        self.interrupted = False
        self.exit_code = DONE
        self.finished = self.failed = self.stopped = 0
        self.began = time.monotonic()
        self.slots: list[Slot] = []
        self._left = count
        self._max_failures = max_failures
        self._failures_in_a_row = 0
        self._out_of_time = False
        self._report = report
        self._lock = threading.Lock()

    def work(self, workers: int) -> None:
        """Start so many workers, beside those that are at it."""
        new = [Slot(len(self.slots) + number, self) for number in range(1, workers + 1)]
        for slot in new:
            slot.start()
        self.slots = self.slots + new

    @property
    def is_working(self) -> bool:
        """Whether any worker is still at it."""
        return any(slot.is_alive() for slot in self.slots)

    def begin_claim(self) -> bool:
        """Reserve one run of the count; return whether there is one to claim."""
        with self._lock:
            if self.stop.is_set() or self.told or self._left == 0:
                return False
            if not self.walltime.fits():
                self._say_no_time()
                return False
            if self._left is not None:
                self._left -= 1
            return True

    def _say_no_time(self) -> None:
        """Say, once, that the job is too short for another run."""
        if not self._out_of_time:
            self._out_of_time = True
            left = self.watch.unfinished if self.watch else None
            rest = "" if left is None else f"{left} runs are not finished, "
            self._report(f"leaving the rest to others: {rest}{self.walltime}")

    def cancel_claim(self) -> None:
        """Give a reserved run back."""
        with self._lock:
            if self._left is not None:
                self._left += 1

    def note_start(self, run: Run) -> None:
        """Say that a run starts."""
        self._report(f"run {run.id} starts: {self.sweep.varying(run.point)}")

    def note_end(self, outcome: Outcome) -> None:
        """Count a run, and stop when runs keep failing."""
        with self._lock:
            self._count(outcome)
        run = outcome.run
        if outcome.stopped:
            self._report(f"run {run.id} stopped after {outcome.seconds:.1f} s")
        elif outcome.status:
            self._report(f"run {run.id} failed after {outcome.seconds:.1f} s: {outcome.reason}")
            self._judge(outcome)
        else:
            self._report(f"run {run.id} finished in {outcome.seconds:.1f} s")

    def _count(self, outcome: Outcome) -> None:
        if outcome.status == 0:
            self.finished += 1
            self.walltime.note(outcome.seconds)
            self._failures_in_a_row = 0
        elif outcome.stopped:
            self.stopped += 1
        else:
            self.failed += 1
            self._failures_in_a_row += outcome.status != TRAINER_GONE

    def _judge(self, outcome: Outcome) -> None:
        """Stop before every run of the sweep fails in the same way."""
        if outcome.status == USAGE and not self.finished:
            self.give_up(FAILING, f"the program refuses its arguments: {outcome.reason}")
        else:
            self._stop_if_failing(outcome.reason)

    def note_trainer_end(self, status: int) -> None:
        """Count the end of a trainer as one failure, however many runs it takes with it."""
        reason = f"the trainer: {describe_status(status)}"
        self._report(f"a trainer ended, its runs with it: {describe_status(status)}")
        with self._lock:
            self._failures_in_a_row += 1
        self._stop_if_failing(reason)

    def _stop_if_failing(self, reason: str) -> None:
        if self._max_failures and self._failures_in_a_row >= self._max_failures:
            self.give_up(FAILING, self._describe_failures(reason))

    def _describe_failures(self, reason: str) -> str:
        """Return whether the sweep or this node is to blame for failures in a row."""
        row = f"{self._failures_in_a_row} runs in a row failed here"
        if self.watch:
            self.watch.ask()
        if self.watch and (elsewhere := self.watch.finished_elsewhere(self.finished)) > 0:
            host = socket.gethostname()
            return (
                f"node {host} looks bad: {row} while {elsewhere} finished elsewhere; the last with {reason}"
            )
        return f"{row}, the last with {reason}"

    def give_up(self, exit_code: int, message: str) -> None:
        """Claim no more, and say why."""
        with self._lock:
            first, self.exit_code = not self.exit_code, self.exit_code or exit_code
            self.stop.set()
        if first:
            self._report(f"stopping: {message}")

    def refuse(self, error: Refused) -> None:
        """Stop because the server said no."""
        gone = error.status == 404
        message = f"sweep {self.sweep.name} is gone" if gone else explain(error, self.client.account)
        self.give_up(FAULT, message)

    def interrupt(self) -> None:
        """Claim no more; tell the running runs to stop, and the server to hand them out again."""
        self.interrupted = True
        self.give_up(PREEMPTED, "told to go; the running runs will be handed out again")
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the running runs."""
        self._signal(signal.SIGKILL)

    def _signal(self, signum: signal.Signals) -> None:
        for slot in self.slots:
            if run := slot.run_now:
                self.pool.signal(run.id, signum, for_good=False)
