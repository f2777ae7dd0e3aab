"""One MNIST training epoch: ours, the stock loader loop, and the floor, on the same cores.

The floor is the same forward, backward and optimizer step on batches cut beforehand: no data order,
no logging, no evaluation. What we take above it is what our data handling and logging cost.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn.functional as F
import wandb

from benchmarks.measure import Comparison, interleave
from benchmarks.stock import __main__ as stock_program
from train import data
from train.config import Config
from train.loop import Training


def measure(model: str, threads: int, data_dir: str, repetitions: int = 3) -> Comparison:
    """Seconds per epoch of `model` with batches of 64 and Adam, in this process, on `threads` threads."""
    with intra_op_threads(threads), wandb.init(mode="disabled") as run:
        ways = {
            "ours": partial(_seconds, _our_epoch(model, data_dir)),
            "stock loader loop": partial(_seconds, _stock_epoch(model, data_dir, run)),
            "floor": partial(_seconds, _floor_epoch(model, data_dir)),
        }
        figures = interleave(ways, repetitions)
    ours = figures.pop("ours")
    cores = "1 core" if threads == 1 else f"{threads} cores"
    return Comparison(f"{model} epoch, {cores}", "s", ours, figures)


@contextmanager
def intra_op_threads(threads: int) -> Iterator[None]:
    """Let torch use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _seconds(epoch: Callable[[], object]) -> float:
    began = time.perf_counter()
    epoch()
    return time.perf_counter() - began


def _training(model: str, data_dir: str) -> Training:
    config = Config(model=model, data_dir=data_dir)  # type: ignore[arg-type]
    images = data.load(config.dataset, config.data_dir, config.val_size)
    return Training(config, images, torch.device("cpu"), torch.float32)


def _our_epoch(model: str, data_dir: str) -> Callable[[], object]:
    training = _training(model, data_dir)
    return lambda: list(training.train_epoch())


def _stock_epoch(model: str, data_dir: str, run: wandb.Run) -> Callable[[], object]:
    options = {"data_dir": data_dir, "batch_size": 64, "eval_batch_size": 500, "num_workers": 0}
    loader, _, _ = stock_program.make_loaders(argparse.Namespace(**options))
    network = stock_program.build(model, (28, 28), 0.1)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    return lambda: stock_program.train_epoch(network, loader, optimizer, torch.device("cpu"), run)


def _floor_epoch(model: str, data_dir: str) -> Callable[[], object]:
    training = _training(model, data_dir)
    order = torch.randperm(len(training.data.train))
    batches = [training.data.train[index] for index in order.split(training.config.batch_size)]

    def epoch() -> None:
        training.model.train()
        for batch in batches:
            loss = F.cross_entropy(training.model(batch.images), batch.labels)
            training.optimizer.zero_grad()
            loss.backward()
            training.optimizer.step()

    return epoch
