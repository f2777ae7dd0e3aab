"""How far a sweep is, as the agent says."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from metasweep.agent.node.walltime import Walltime
from metasweep.agent.progress import ProgressMonitor, SweepProgress


def test_time_is_left_only_while_a_run_is_going_on() -> None:
    unused: Any = None
    monitor = ProgressMonitor(unused, unused, 1.0, Walltime(None))
    now = time.monotonic()
    monitor.first = SweepProgress("RUNNING", 0, 1, 4, None, None, now - 20)
    monitor.latest = replace(monitor.first, finished=2, at=now)
    assert monitor.seconds_left()
    for state in ("RUNNING", "FINISHED"):  # two points failed for good
        monitor.latest = replace(monitor.latest, state=state, running=0)
        assert monitor.seconds_left() is None
