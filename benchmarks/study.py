"""The study: a sample of the MNIST grid, ours against the stock way, as people use it and at its best.

Every way runs the same points, 2 epochs each, on the same server and the same cores. What is compared is
the wall time from the start of the first agent to the end of the last, per run: starts, imports,
claims, training, evaluation and logging are all in it.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Comparison, interleave
from benchmarks.scene import create_sweep, embedded_server

GRID: dict[str, list[Any]] = {
    "model": ["dense", "cnn"],
    "optimizer": ["sgd", "adam"],
    "lr": [0.1, 0.001],
    "dp": [0.1],
    "seed": [1],
}
EPOCHS = 2
STUDY_RUNS = 400
OURS = [sys.executable, "agent.py", "{sweep}"]
STOCK = ["wandb", "agent", "{sweep}"]


def measure(data_dir: str, repetitions: int = 1) -> Comparison:
    """Seconds of wall time per run of the sample."""
    cores = len(os.sched_getaffinity(0))
    all_cores, one_core = {"OMP_NUM_THREADS": str(cores)}, {"OMP_NUM_THREADS": "1"}
    with embedded_server() as environment:
        way = partial(_seconds_per_run, str(Path(data_dir).resolve()), environment)
        figures = interleave(
            {
                "ours": partial(way, "train", [OURS], {}),
                "one stock agent, all cores": partial(way, "benchmarks.stock", [STOCK], all_cores),
                "a stock agent per core": partial(way, "benchmarks.stock", [STOCK] * cores, one_core),
            },
            repetitions,
        )
    ours = figures.pop("ours")
    hours = STUDY_RUNS / 3600
    peers = ", ".join(f"{name} {figure.median * hours:.1f} h" for name, figure in figures.items())
    note = f"all {STUDY_RUNS} runs at this pace: ours {ours.median * hours:.1f} h, {peers}"
    return Comparison("wall time per run of the MNIST study", "s", ours, figures, note=note)


def _seconds_per_run(
    data_dir: str,
    environment: Mapping[str, str],
    module: str,
    commands: Sequence[Sequence[str]],
    threads: dict[str, str],
) -> float:
    """Run the sample with these agents side by side; wall time divided by the number of runs."""
    config = _sweep(module, data_dir)
    sweep = create_sweep(config, environment)
    env = {key: value for key, value in environment.items() if key != "OMP_NUM_THREADS"} | threads
    began = time.perf_counter()
    agents = [_start([word.format(sweep=sweep) for word in command], env) for command in commands]
    codes = [agent.wait() for agent in agents]
    seconds = time.perf_counter() - began
    if any(codes):
        raise RuntimeError(f"the agents ended with exit codes {codes}")
    return seconds / config["run_cap"]


def _start(command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _sweep(module: str, data_dir: str) -> dict[str, Any]:
    points = math.prod(len(values) for values in GRID.values())
    return {
        "project": "bench",
        "program": module,
        "command": ["${env}", "python", "-m", module, "${args}", f"--data-dir={data_dir}"],
        "method": "grid",
        "run_cap": points,
        "metric": {"name": "val/acc", "goal": "maximize"},
        "parameters": {
            **{name: {"values": values} for name, values in GRID.items()},
            "epochs": {"value": EPOCHS},
        },
    }
