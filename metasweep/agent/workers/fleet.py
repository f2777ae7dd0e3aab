"""All workers of an agent: starts them, watches them, tells them to stop."""

from __future__ import annotations

import signal
import time

from metasweep.agent.workers.seats import Seat
from metasweep.agent.workers.trainers import Trainers
from metasweep.agent.workers.work import Work
from metasweep.agent.workers.worker import Worker
from metasweep.batch.exit_codes import PREEMPTED
from metasweep.batch.need import Need
from metasweep.batch.tally import Tally


class Fleet:
    """All workers, on the same work."""

    def __init__(self, work: Work, trainers: Trainers | None = None) -> None:
        """With `trainers`, they train the runs; else each run trains in its own process."""
        self.shared = work
        self.workers: list[Worker] = []
        self.interrupted = False
        self._trainers = trainers

    def work(self, number: int) -> None:
        """Start the workers for `number` more runs at a time."""
        first = len(self.workers) + 1
        seats: list[Seat | None] = [None] * number
        if self.shared.ahead.is_possible and not self._trainers:
            seats = [seat for _ in range(number) for seat in [Seat()] * 2]
        new = [Worker(first + i, self.shared, self._trainers, seat) for i, seat in enumerate(seats)]
        for worker in new:
            worker.start()
        self.workers = self.workers + new

    @property
    def is_working(self) -> bool:
        """Return whether any worker still works."""
        return any(worker.is_alive() for worker in self.workers)

    @property
    def has_runs(self) -> bool:
        """Return whether there is a run that has not ended."""
        return any(worker.run_now for worker in self.workers)

    @property
    def running(self) -> int:
        """Return how many runs are being trained now."""
        return sum(worker.is_training for worker in self.workers)

    def tally(self, need: Need | None = None) -> Tally:
        """Return the counts of the runs, for the display and for `jobs`."""
        work = self.shared
        return Tally(
            running=self.running,
            finished=work.finished,
            failed=work.failed,
            stopped=work.stopped,
            killed=work.killed,
            minutes=(time.monotonic() - work.began) / 60,
            need=need,
            reason=work.reason,
        )

    def interrupt(self) -> None:
        """Claim no more. Tell the runs to stop, and the server to offer them again."""
        self.interrupted = True
        self.shared.finish_early(PREEMPTED, "a signal arrived; the running runs are told to stop")
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the running runs."""
        self._signal(signal.SIGKILL)

    def _signal(self, signum: signal.Signals) -> None:
        for worker in self.workers:
            if run := worker.run_now:
                self.shared.pool.signal(run.id, signum, for_good=False)
