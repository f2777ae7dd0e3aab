"""The whole report of a sweep on the embedded server: 400 runs with a cold and a warm cache, and 10,000.

The runs are synthetic, sent through the protocol. Everything else is real, in a new process each time:
reading with `wandb.Api()`, statistics, figures, tables and the page.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.fill import fill
from benchmarks.measure import Comparison, against_target
from benchmarks.processes import run_measured
from benchmarks.scene import embedded_server

STUDY_SEEDS, LARGE_SEEDS = 5, 125  # times 80 configurations: 400 and 10,000 runs
COLD_SECONDS, WARM_SECONDS, LARGE_SECONDS, LARGE_MB = 40.0, 15.0, 15.0, 2000.0


def measure(repetitions: int = 3) -> list[Comparison]:
    """Seconds, and memory of the large one; the small one `repetitions` times, cold and warm in turn."""
    with embedded_server() as environment:
        small = fill(environment, STUDY_SEEDS)
        seconds: dict[bool, list[float]] = {True: [], False: []}  # whether cold
        for _ in range(repetitions):
            for cold, values in seconds.items():
                values.append(run_report(environment, small, cold)[0])
        large = fill(environment, LARGE_SEEDS)
        large_seconds, megabytes = run_report(environment, large, cold=True)
    return [
        against_target("report of 400 runs, cold", "s", seconds[True], COLD_SECONDS),
        against_target("report of 400 runs, warm cache", "s", seconds[False], WARM_SECONDS),
        against_target("report of 10,000 runs, cold", "s", [large_seconds], LARGE_SECONDS),
        against_target("its memory, all processes", "MB", [megabytes], LARGE_MB),
    ]


def run_report(environment: Mapping[str, str], path: str, cold: bool) -> tuple[float, float]:
    """Write one report into a temporary folder; return seconds and the most memory seen, in MB."""
    home = Path(environment["WANDB_DIR"])
    cache = home / "histories"
    if cold:
        shutil.rmtree(cache, ignore_errors=True)
    command = [sys.executable, "-m", "analysis", "report", path, "--output", str(home / "report")]
    return run_measured(command, {**environment, "XDG_CACHE_HOME": str(cache)})
