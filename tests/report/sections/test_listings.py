"""What a listing says in words."""

from __future__ import annotations

from metasweep.report.measure.status import Completeness, constants
from metasweep.report.sections.listings import status_listing


def test_a_value_that_all_failed_points_share_is_told_and_a_constant_is_not() -> None:
    parameters = {"lr": {"values": [-1, 0.1]}, "seed": {"values": [1, 2]}, "epochs": {"value": 3}}
    config = {"method": "grid", "parameters": parameters}
    failed = tuple({"lr": -1, "seed": seed, "epochs": 3} for seed in (1, 2))
    counts = {"expected": 4, "finished": 2, "running": 0, "preempted": 0, "failed": 2, "missing": 0}
    found = Completeness(**counts, duplicated=0, failed_points=failed, constants=constants([config]))
    assert status_listing(found).notes == ["failed:\n  lr=-1, seed=1\n  lr=-1, seed=2"]
