"""Several runs as one batched computation, compared with one by one, on one device.

The measure is the time of one training step per run, each run with its own seed. On a CPU the agent trains
one by one: batched, the same arithmetic would use smaller and slower kernels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import count

import torch

from benchmarks.measure import Comparison, interleave
from benchmarks.parts.step import intra_op_threads
from train import data
from train.batched.members import Members
from train.config import Config
from train.data import DataSet
from train.loop import Training

TOGETHER = {"cpu": (2, 4, 16), "cuda": (8, 32, 128)}
STEPS = 400  # per measurement at least, over all runs
Train = Callable[[], int]  # one logging interval; the number of the step that it ends with


def measure(model: str, data_dir: str, device: torch.device, repetitions: int = 5) -> Comparison:
    """Measure milliseconds per step and run, one by one and batched; one thread, as a worker has."""
    config = Config(model=model, data_dir=data_dir)  # type: ignore[arg-type]
    data_set = data.load_for(config).to(device)
    with intra_op_threads(1):
        ways = {"ours": partial(_milliseconds, _one_by_one(config, data_set, device), 1)}
        for runs in TOGETHER[device.type]:
            ways[f"{runs} together"] = partial(_milliseconds, _together(config, runs, data_set, device), runs)
        figures = interleave(ways, repetitions)
    ours = figures.pop("ours")
    note = f"device {device.type}, one thread, dropout {config.dp:g}, {config.optimizer}"
    return Comparison(f"a step of a {model} run, one by one", "ms", ours, figures, note=note)


def _one_by_one(config: Config, data_set: DataSet, device: torch.device) -> Train:
    training = Training(config, data_set, device, torch.float32)
    intervals = (interval for _ in count() for interval in training.train_epoch())
    return lambda: next(intervals).step


def _together(config: Config, runs: int, data_set: DataSet, device: torch.device) -> Train:
    configs = [Config(model=config.model, seed=seed) for seed in range(runs)]
    members = Members(configs, data_set, device, torch.float32)
    return lambda: members.train_interval()[0].step


def _milliseconds(train: Train, runs: int) -> float:
    """Time of a step per run, after one logging interval to warm up."""
    first = last = train()
    began = time.perf_counter()
    while (last - first) * runs < STEPS:
        last = train()
    return (time.perf_counter() - began) / ((last - first) * runs) * 1000
