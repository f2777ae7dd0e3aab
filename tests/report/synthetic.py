"""A study with a known truth: 400 runs shaped like the MNIST grid, the same bytes on every call."""

from __future__ import annotations

import functools
import itertools
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import Study, Sweep
from metasweep.sweeps.grid import Grid
from metasweep.sweeps.points import point_key

GRID: dict[str, list[Any]] = {
    "model": ["dense", "cnn"],
    "lr": [0.1, 0.01, 0.001, 0.0001, 0.00001],
    "optimizer": ["sgd", "adam"],
    "dp": [0.0, 0.1, 0.3, 0.5],
    "seed": [1, 2, 3, 4, 5],
}
MNIST_TEST_COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
MNIST_TRAIN_COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)


def sweep_config(grid: dict[str, list[Any]] | None = None) -> dict[str, Any]:
    """The sweep configuration of a grid."""
    parameters = {name: {"values": values} for name, values in (grid or GRID).items()}
    return {
        "method": "grid",
        "metric": {"name": "val/acc", "goal": "maximize"},
        "parameters": {**parameters, "epochs": {"value": 2}},
        "command": ["${env}", "python", "-m", "train", "${args}"],
    }


def expected_accuracy(model: str, lr: float, optimizer: str, dp: float) -> float:
    """Noise-free test accuracy: a ridge in log10(lr) whose place depends on the optimizer."""
    best = -0.5 if optimizer == "sgd" else -3.0
    width = 1.6 if optimizer == "sgd" else 1.3
    distance = (np.log10(lr) - best) / width
    top = 0.991 if model == "cnn" else 0.982
    if optimizer == "adam" and lr >= 0.1:
        return 0.1  # collapses to chance
    return float(0.1 + (top - 0.02 * dp**2 - 0.1) * np.exp(-0.5 * max(0.0, abs(distance) - 0.6) ** 3))


def synthetic_study(grid: dict[str, list[Any]] | None = None, epochs: int = 2, rng_seed: int = 0) -> Study:
    """A complete, finished grid with histories: ten training steps and one evaluation per epoch."""
    study = _simulated(json.dumps(grid or GRID), epochs, rng_seed)
    return replace(study, runs=study.runs.copy(), history=study.history.copy())  # tests change them


@functools.cache
def _simulated(grid_as_json: str, epochs: int, rng_seed: int) -> Study:
    grid: dict[str, list[Any]] = json.loads(grid_as_json)
    rng = np.random.default_rng(rng_seed)
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    rows, histories = [], []
    config = sweep_config(grid)
    whole = Grid(config)
    for index, point in enumerate(points):
        curve = _curve(point, epochs, rng)
        curve.insert(0, "run_id", f"run{index:05d}")
        histories.append(curve)
        identity = {"grid_point": point_key(whole, {**point, "epochs": 2})}
        rows.append({**_row(index, point, rng), **_last(curve), **identity, "epoch": float(epochs)})
    runs = pd.DataFrame(rows)
    sweep = Sweep(
        path="team/metasweep/synth001",
        name="synthetic",
        url="http://127.0.0.1:8080/team/metasweep/sweeps/synth001",
        state="FINISHED",
        config=config,
    )
    metrics = tuple(
        Quantity(f"{split}/{name}", *kind)
        for name, kind in (("acc", ("accuracy", "maximize")), ("loss", ("loss", "minimize")))
        for split in ("train", "val", "test")
    )
    return Study(
        metrics=metrics,
        runs=runs,
        history=pd.concat(histories, ignore_index=True),
        parameters=tuple(name for name in grid if name != "seed" and len(grid[name]) > 1),
        constants={"epochs": 2},
        sweeps=(sweep,),
        class_counts={"train": MNIST_TRAIN_COUNTS, "test": MNIST_TEST_COUNTS},
        class_names=tuple("0123456789"),
    )


def _row(index: int, point: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    created = pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(seconds=10 * index)
    runtime = float(rng.uniform(8, 9) if point.get("model") == "cnn" else rng.uniform(2, 3))
    return {
        "run_id": f"run{index:05d}",
        "name": f"calm-field-{index + 1}",
        "url": f"http://127.0.0.1:8080/team/metasweep/runs/run{index:05d}",
        "sweep_id": "synth001",
        "state": "finished",
        "created_at": created,
        "updated_at": created + pd.Timedelta(seconds=runtime),
        "runtime_seconds": runtime,
        "duplicate": False,
        "diverged": False,
        **point,
        "epochs": 2,
        "images_per_second": 54_000 / runtime,
        "parameter_count": 420_000.0 if point.get("model") == "cnn" else 270_000.0,
        "device": "cpu",
        "commit": "0" * 40,
        "versions": "python 3.11.7, torch 2.14.1",
    }


def _curve(point: dict[str, Any], epochs: int, rng: np.random.Generator) -> pd.DataFrame:
    """Approach the noisy final accuracy exponentially; evaluate where an epoch ends."""
    truth = expected_accuracy(
        point.get("model", "cnn"), point["lr"], point.get("optimizer", "adam"), point.get("dp", 0.0)
    )
    seed_noise = np.random.default_rng(point.get("seed", 0)).normal(0, 0.3)  # seeds are shared by points
    gap = (1 - truth) * np.exp(0.15 * (seed_noise + rng.normal()))
    final = np.clip(1 - gap, 0.08, 0.9995)
    step = np.arange(1, 10 * epochs + 1)
    progress = (1 - np.exp(-4.0 * step / step[-1])) / (1 - np.exp(-4.0))
    accuracy = np.clip(0.1 + (final - 0.1) * progress + rng.normal(0, 0.003, step.size), 0, 1)
    curve = pd.DataFrame({"step": step, "epoch": step / 10})
    evaluated = step % 10 == 0
    for split, shift in (("train", 0.004 - 0.06 * point.get("dp", 0.0)), ("val", 0.0), ("test", 0.001)):
        values = np.clip(accuracy + shift * progress + rng.normal(0, 0.001, step.size), 0, 0.9999)
        values = np.where(evaluated | (split == "train"), values, np.nan)
        curve[f"{split}/acc"] = values
        curve[f"{split}/loss"] = -np.log(np.clip(values, 1e-3, 1)) * 1.1 + 0.01
    return curve


def _last(curve: pd.DataFrame) -> dict[str, float]:
    last = curve.drop(columns=["run_id", "step", "epoch"]).ffill().iloc[-1]
    return {str(name): float(value) for name, value in last.items()}
