"""Overhead per run: from the end of one run's training to the start of the next one's.

One worker on each side, the same program (`probe.py`), the same server, the same grid. It includes everything
that a person waits for: finishing the run, the next claim, the new process and its imports, and the start of
the next run.
"""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Comparison, interleave
from benchmarks.programs import tuners
from benchmarks.scene import create_sweep, embedded_server

OURS = [sys.executable, "agent.py", "{sweep}", "--workers", "1", "--count", "{count}"]
COLD = [*OURS, "--cold"]
STOCK = ["wandb", "agent", "--count", "{count}", "{sweep}"]
FUNCTION = [
    sys.executable,
    "-c",
    "import wandb; from benchmarks.programs import probe;"
    " wandb.agent('{sweep}', function=probe.one_run, count={count})",
]


def measure(repetitions: int = 3, our_runs: int = 21, stock_runs: int = 3) -> Comparison:
    """Seconds per run between trainings: ours, both kinds of the stock agent, and tuners without W&B."""
    with embedded_server() as environment:
        ways = {
            "ours": partial(_on_a_sweep, OURS, our_runs, environment),
            "ours, new process ahead": partial(
                _on_a_sweep, OURS, stock_runs, environment, "benchmarks.programs.telling"
            ),
            "ours, --cold": partial(_on_a_sweep, COLD, stock_runs, environment),
            "wandb agent": partial(_on_a_sweep, STOCK, stock_runs, environment),
            "wandb.agent(function)": partial(_on_a_sweep, FUNCTION, stock_runs, environment),
            "Optuna, same process, no W&B": partial(_seconds_between, tuner("optuna"), our_runs, environment),
        }
        if tuners.ray_is_here():
            ways |= {
                "Ray Tune, no W&B": partial(_seconds_between, tuner("ray"), stock_runs, environment),
                "Ray Tune, reused process, no W&B": partial(
                    _seconds_between, tuner("ray-reused"), our_runs, environment
                ),
            }
        figures = interleave(ways, repetitions)
    ours = figures.pop("ours")
    note = (
        ""
        if tuners.ray_is_here()
        else "Ray Tune is left out: it is not installed (pip install -e '.[bench]')"
    )
    return Comparison("overhead per run", "s", ours, figures, note=note)


def tuner(way: str) -> list[str]:
    """The command line of another tuner."""
    return [sys.executable, "-m", "benchmarks.programs.tuners", way, "{count}"]


def _on_a_sweep(
    command: Sequence[str],
    count: int,
    environment: Mapping[str, str],
    program: str = "benchmarks.programs.probe",
) -> float:
    """Run `count` runs of a new sweep with `command`; see `_seconds_between`."""
    sweep = create_sweep(probe_sweep(count, program), environment)
    return _seconds_between([word.replace("{sweep}", sweep) for word in command], count, environment)


def _seconds_between(command: Sequence[str], count: int, environment: Mapping[str, str]) -> float:
    """Let `command` do `count` runs; return the median gap between their trainings, in seconds."""
    with tempfile.NamedTemporaryFile("r") as log:
        words = [word.replace("{count}", str(count)) for word in command]
        env = {**environment, "PROBE_LOG": log.name}
        subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runs = [json.loads(line) for line in Path(log.name).read_text(encoding="utf-8").splitlines()]
    if len(runs) != count:
        raise RuntimeError(f"{command[:3]} made {len(runs)} of {count} runs")
    runs.sort(key=lambda run: run["began"])
    gaps = [later["began"] - earlier["ended"] for earlier, later in itertools.pairwise(runs)]
    return statistics.median(gaps)


def probe_sweep(count: int, program: str = "benchmarks.programs.probe") -> dict[str, Any]:
    """A sweep of so many runs of a program, `probe.py` or one like it."""
    return {
        "project": "bench",
        "program": f"{program.replace('.', '/')}.py",
        "command": ["${env}", "python", "-m", program, "${args}"],
        "method": "grid",
        "metric": {"name": "val/acc", "goal": "maximize"},
        "parameters": {"lr": {"value": 0.1}, "seed": {"values": list(range(count))}},
    }
