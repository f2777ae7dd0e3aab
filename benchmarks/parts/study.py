"""The study: a sample of the MNIST grid, ours against the stock way, as usually used and at its best.

Every way runs the same configurations, 2 epochs each, on the same server and the same cores. The measure is
the wall time from the start of the first agent to the end of the last, per run. It includes starts, imports,
claims, training, evaluation and logging. Ours runs each configuration with several seeds, since the start of
an agent, which happens once in a study of 400 runs, would otherwise take as long as a few short runs.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Comparison, interleave
from benchmarks.scene import create_sweep, embedded_server

GRID: dict[str, list[Any]] = {
    "model": ["dense", "cnn"],
    "optimizer": ["sgd", "adam"],
    "lr": [0.1, 0.001, 0.00001],
    "dp": [0.1],
    "seed": [1],
}
OUR_SEEDS = [1, 2, 3, 4, 5]
EPOCHS = 2
STUDY_RUNS = 400
MEMBERS = 40  # on a GPU, which one small network leaves mostly idle
STOCK = ["wandb", "agent", "{sweep}"]


def measure(data_dir: str, device: torch.device, repetitions: int = 2) -> Comparison:
    """Seconds of wall time per run of the sample."""
    cores = len(os.sched_getaffinity(0))
    with embedded_server() as environment:

        def ours() -> float:
            grid = GRID | {"seed": OUR_SEEDS}
            _, seconds = run_sample(grid, "train", [ours_on(device)], data_dir, device, environment)
            return seconds / points(grid)

        def stock(agents: int) -> float:
            threads = cores // agents
            _, seconds = run_sample(
                GRID, "benchmarks.stock", [STOCK] * agents, data_dir, device, environment, threads
            )
            return seconds / points(GRID)

        figures = interleave(
            {
                "ours": ours,
                "one stock agent, all cores": lambda: stock(1),
                "a stock agent per core": lambda: stock(cores),
            },
            repetitions,
        )
    hours = STUDY_RUNS / 3600
    totals = ", ".join(f"{name} {figure.median * hours:.2f} h" for name, figure in figures.items())
    note = f"all {STUDY_RUNS} runs at this pace: {totals}"
    ours_per_run = figures.pop("ours")
    return Comparison("wall time per run of the MNIST study", "s", ours_per_run, figures, note=note)


def ours_on(device: torch.device) -> list[str]:
    """The command of our agent."""
    members = ["--members", str(MEMBERS)] if device.type == "cuda" else []
    return [sys.executable, "agent.py", "{sweep}", *members]


def points(grid: Mapping[str, Sequence[Any]]) -> int:
    """Number of points of a grid."""
    return math.prod(len(values) for values in grid.values())


def run_sample(
    grid: Mapping[str, Sequence[Any]],
    module: str,
    agents: Sequence[Sequence[str]],
    data_dir: str,
    device: torch.device,
    environment: Mapping[str, str],
    threads: int | None = None,
) -> tuple[str, float]:
    """Run a grid of a training program with these agents; see `run_agents`."""
    return run_agents(_sweep(grid, module, data_dir, device), agents, environment, threads)


def run_agents(
    config: Mapping[str, Any],
    agents: Sequence[Sequence[str]],
    environment: Mapping[str, str],
    threads: int | None = None,
) -> tuple[str, float]:
    """Run a sweep with these agents side by side; return its name, and the wall time in seconds.

    ``threads`` is what each agent gives its runs; None leaves it to the agent.
    """
    sweep = create_sweep(config, environment)
    env = {key: value for key, value in environment.items() if key != "OMP_NUM_THREADS"}
    env |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
    began = time.perf_counter()
    commands = [[word.format(sweep=sweep) for word in agent] for agent in agents]
    processes = [_start(command, env) for command in commands]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise RuntimeError(f"the agents ended with exit codes {codes}")
    return sweep, time.perf_counter() - began


def _start(command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _sweep(
    grid: Mapping[str, Sequence[Any]], module: str, data_dir: str, device: torch.device
) -> dict[str, Any]:
    where = [f"--data-dir={Path(data_dir).resolve()}", f"--device={device.type}"]
    return {
        "project": "bench",
        "program": module,
        "command": ["${env}", "python", "-m", module, "${args}", *where],
        "method": "grid",
        "run_cap": points(grid),
        "metric": {"name": "val/acc", "goal": "maximize"},
        "parameters": {
            **{name: {"values": values} for name, values in grid.items()},
            "epochs": {"value": EPOCHS},
        },
    }
