"""The workers of an agent: started, watched, told to stop."""

from __future__ import annotations

import signal

from metasweep.agent.workers.seats import Seat
from metasweep.agent.workers.trainers import Trainers
from metasweep.agent.workers.work import Work
from metasweep.agent.workers.worker import Worker
from metasweep.batch.exit_codes import PREEMPTED


class Fleet:
    """All workers, at one work."""

    def __init__(self, work: Work, trainers: Trainers | None = None) -> None:
        """`trainers` is where the runs are trained, if not each in its own process."""
        self.shared = work
        self.workers: list[Worker] = []
        self.interrupted = False
        self._trainers = trainers

    def work(self, number: int) -> None:
        """Start workers for so many runs at a time, beside those that are at it."""
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
        """Whether any worker is still at it."""
        return any(worker.is_alive() for worker in self.workers)

    @property
    def has_runs(self) -> bool:
        """Whether any run, trained or not, has not been seen to end."""
        return any(worker.run_now for worker in self.workers)

    @property
    def running(self) -> int:
        """How many runs are being trained now."""
        return sum(worker.is_training for worker in self.workers)

    def interrupt(self) -> None:
        """Claim no more; tell the running runs to stop, and the server to hand them out again."""
        self.interrupted = True
        self.shared.finish_early(PREEMPTED, "told to go; the running runs stop, to be handed out again")
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the running runs."""
        self._signal(signal.SIGKILL)

    def _signal(self, signum: signal.Signals) -> None:
        for worker in self.workers:
            if run := worker.run_now:
                self.shared.pool.signal(run.id, signum, for_good=False)
