"""How far a sweep is, as the agent says."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from metasweep.agent.node.walltime import Walltime
from metasweep.agent.progress import ProgressMonitor, SweepProgress, unmeasured
from metasweep.sweeps.metric import Metric


def test_time_is_left_only_while_a_run_is_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    unused: Any = None
    monitor = ProgressMonitor(unused, unused, 1.0, Walltime(None))
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    monitor.first = SweepProgress("RUNNING", 1, 1, 8, None, None, "", at=976.0)
    monitor.latest = replace(monitor.first, finished=3, at=996.0)
    assert monitor.seconds_left() == 46  # five runs, one in ten seconds, as of four seconds ago
    for state in ("RUNNING", "FINISHED"):  # two points failed for good
        monitor.latest = replace(monitor.latest, state=state, running=0)
        assert monitor.seconds_left() is None


def test_a_finished_run_without_the_metric_is_named() -> None:
    def said(summary: dict[str, Any]) -> str:
        node = {"displayName": "point-1", "summaryMetrics": json.dumps(summary)}
        return unmeasured({"best": {"edges": [{"node": node}]}}, metric)

    metric = Metric.of({"metric": {"name": "val/acc", "goal": "maximize"}})
    assert said({"Val/Acc": 0.5, "_step": 3}).endswith("val/acc, the sweep's metric: it logged Val/Acc")
    assert said({"val/acc": "NaN"}).endswith("it logged val/acc")
    assert said({"_step": 3}).endswith("it logged nothing")
    assert said({"val/acc": 0.5}) == ""
    assert unmeasured({"best": {"edges": []}}, metric) == ""
