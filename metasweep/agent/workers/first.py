"""Measures the first run of an agent, to know what other runs will need."""

from __future__ import annotations

import threading

from metasweep.agent.node.measure import memory_of
from metasweep.agent.workers.fleet import Fleet
from metasweep.batch.need import Need

SAMPLE_SECONDS = 0.2


class FirstRun(threading.Thread):
    """Watches the runs of an agent until one has finished; the others will need about the same."""

    def __init__(self, fleet: Fleet) -> None:
        super().__init__(name="measure", daemon=True)
        self.need: Need | None = None
        self._fleet = fleet

    def run(self) -> None:
        """Measure until a run has finished."""
        fleet, work, peak = self._fleet, self._fleet.shared, 0.0
        while work.first_seconds is None:
            if work.stop.wait(SAMPLE_SECONDS) or not fleet.is_working:
                break
            runs = [run.id for worker in fleet.workers if (run := worker.run_now)]
            peak = max([peak, *(memory_of(work.pool.group(run)) for run in runs)])
        if work.first_seconds is not None:
            self.need = Need(work.first_seconds, peak)
