"""An agent that is ready to work: what `cli` prepares, `working` runs and `ending` reports."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from metasweep.agent import display
from metasweep.agent.options import Options
from metasweep.agent.progress import ProgressMonitor
from metasweep.agent.workers import trainers
from metasweep.agent.workers.first import FirstRun
from metasweep.agent.workers.fleet import Fleet
from metasweep.batch import tally

TALLY_SECONDS = 5.0  # between two notes for `jobs`, on shared storage


@dataclass
class Agent:
    """An agent that is ready to work."""

    options: Options
    fleet: Fleet
    monitor: ProgressMonitor
    screen: display.Lines
    trainers: trainers.Trainers | None
    first: FirstRun
    cores: int
    """The cores of this job, read at the start. Later the variables hold the share of each run."""
    earlier: Sequence[str] = ()
    """Names of the sweeps that this one extends."""
    noted_at: float = -math.inf
    has_warned: bool = False

    def show(self) -> None:
        """Show the progress here, and from time to time in `jobs`."""
        self.screen.refresh(self.fleet, self.monitor)
        self.warn_if_unmeasured()
        if time.monotonic() - self.noted_at > TALLY_SECONDS:
            self.noted_at = time.monotonic()
            self.write_tally()

    def warn_if_unmeasured(self) -> None:
        """Say once that the sweep's metric is not logged: search and report would have nothing to compare."""
        latest = self.monitor.latest
        if latest and latest.unmeasured and not self.has_warned:
            self.has_warned = True
            self.screen.say(latest.unmeasured)

    def write_tally(self) -> None:
        """Write the state of the runs for `jobs`."""
        tally.write(os.environ, self.fleet.tally(self.first.need))
