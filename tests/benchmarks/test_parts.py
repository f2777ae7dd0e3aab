"""The loads of the bench, small, on a real server."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pytest

from benchmarks import synthetic
from benchmarks.fill import fill
from benchmarks.measure import against_target
from benchmarks.parts import load, simulate
from benchmarks.parts.simulate import Scale
from benchmarks.processes import run_measured
from benchmarks.scene import embedded_server
from benchmarks.show import save

T = TypeVar("T")
SMALL = Scale(agents=4, seeds=1, dropouts=(0,), training_seconds=0.2)


def apart(measure: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Measure in a thread of its own: the browser of other tests leaves an event loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(measure, *arguments, **options).result()


def test_a_simulated_sweep_finishes_every_point_once() -> None:
    rows = {row.name: row for row in apart(simulate.measure, SMALL)}
    assert "each of 20 points finished exactly once" in rows["points claimed and finished"].note
    assert rows["server's memory, peak"].ours.median > 10
    assert rows["server's processor time per point"].ours.median > 0


def test_a_simulated_sweep_notices_a_point_that_ran_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    async def begin(speaker: simulate.Speaker, run: str, config: dict[str, object]) -> None:
        await original(speaker, run, config | {"lr": 0.1})

    original = simulate.Speaker.begin
    monkeypatch.setattr(simulate.Speaker, "begin", begin)
    with pytest.raises(RuntimeError, match="4 of 20 points finished, 4 more than once"):
        apart(simulate.measure, SMALL)


def test_a_filled_server_is_read_as_any_other() -> None:
    with embedded_server() as environment:
        path = apart(fill, environment, seeds=1)
        assert load.listing_seconds(environment, path, runs=80) > 0
        done = subprocess.run(
            [sys.executable, "-m", "analysis", "status", path, "--format", "json"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr  # complete, no duplicates
        seen = apart(load.latencies, environment, crowd=3, window=1.0)
        assert all(seen[f"{kind} p50"] <= seen[f"{kind} p99"] for kind in ("heartbeat", "upsert"))


def test_synthetic_runs_cover_the_grid_with_different_results() -> None:
    points = [
        dict(zip([*synthetic.GRID, "seed"], values, strict=True))
        for values in itertools.product(*synthetic.GRID.values(), range(1, 6))
    ]
    results = Counter(round(synthetic.accuracy(point), 6) for point in points)
    assert len(points) == 400
    assert 0.1 <= min(results) < max(results) < 1
    assert len(results) > 200
    rows = list(synthetic.rows(points[0]))
    assert [row["_step"] for row in rows] == sorted({row["_step"] for row in rows})
    assert [row["epoch"] for row in rows if "epoch" in row] == [1, 2]


def test_memory_counts_children(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import subprocess, sys, time\n"
        "block = bytearray(b'x') * 100_000_000\n"
        "if len(sys.argv) == 1: subprocess.run([sys.executable, __file__, 'child'])\n"
        "time.sleep(1)\n"
    )
    _, megabytes = run_measured([sys.executable, str(program)], {})
    assert 200 < megabytes < 300
    with pytest.raises(RuntimeError, match="ended with 3: no luck"):
        run_measured([sys.executable, "-c", "import sys; print('no luck', file=sys.stderr); sys.exit(3)"], {})


def test_a_target_is_shown_as_a_peer_and_saved(tmp_path: Path) -> None:
    slower, faster = against_target("a", "s", [4, 5, 6], 10), against_target("b", "1/s", [5], 10, True)
    assert (slower.ratio("target"), faster.ratio("target")) == (2, 0.5)
    save([slower], {"cores": 2}, tmp_path / "cpu" / "part.json")
    saved = json.loads((tmp_path / "cpu" / "part.json").read_text())
    assert saved["comparisons"][0]["ours"]["values"] == [4, 5, 6]
    assert saved["comparisons"][0]["ratios"] == {"target": 2}
