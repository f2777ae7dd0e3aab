"""The training step: images per second, and arithmetic compared with the device's peak, on the same cores.

Our loop and the stock loader loop train one MNIST epoch. The floor is the same forward, backward and
optimizer step on batches cut beforehand, without data order, logging or evaluation. The time above it is the
cost of our data handling and logging. The peaks are the best FLOP/s of a large matrix product and a large
convolution on this machine.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
import torch.nn.functional as F
import wandb
from threadpoolctl import threadpool_limits
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measure import Comparison, Figure, interleave
from benchmarks.stock import __main__ as stock_program
from train import data
from train.config import Config
from train.loop import LOG_EVERY, Training
from train.network.models import build

BATCH = 64
MATRIX = {"cpu": 1536, "cuda": 8192}  # rows and columns: large enough for the peak, done in some 10 ms
CHANNELS, SIDE, KERNEL = 64, 28, 5  # of the large convolution, on a batch
PEAK_SECONDS = 0.5


def measure(
    model: str, threads: int, data_dir: str, device: torch.device, repetitions: int = 3
) -> list[Comparison]:
    """Train `model` with batches of 64 and Adam, in this process, on `threads` threads."""
    with intra_op_threads(threads), wandb.init(mode="disabled") as run:
        training = _training(model, data_dir, device)
        images, flops = len(training.data.train), flops_per_image(model, data_dir)
        ways: dict[str, Callable[[], float]] = {
            "ours": partial(_rate, lambda: list(training.train_epoch()), images, device),
            "stock loader loop": partial(_rate, _stock_epoch(model, data_dir, device, run), images, device),
            "floor": partial(_rate, _floor_epoch(model, data_dir, device), images, device),
            "matmul peak": partial(matmul_peak, device),
            "convolution peak": partial(convolution_peak, device),
        }
        figures = interleave(ways, repetitions)
    peaks = {name: figures.pop(name) for name in ("matmul peak", "convolution peak")}
    ours = figures.pop("ours")
    cores = "1 core" if threads == 1 else f"{threads} cores"
    where = f"{model}, {cores if device.type == 'cpu' else device.type}"
    arithmetic = Figure(tuple(rate * flops / 1e9 for rate in ours.values))
    return [
        Comparison(f"training, {where}", "images/s", ours, figures, more_is_better=True),
        Comparison(f"arithmetic, {where}", "GFLOP/s", arithmetic, peaks, more_is_better=True),
    ]


def flops_per_image(model: str, data_dir: str) -> float:
    """Floating-point operations of a forward and backward pass, per image, as torch counts them."""
    data_set = data.load_for(Config(data_dir=data_dir))
    batch = data_set.train[torch.arange(BATCH)]
    network = build(model, data_set.image_shape, dropout=0.1)
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(network(batch.images), batch.labels).backward()
    return counter.get_total_flops() / BATCH


def matmul_peak(device: torch.device) -> float:
    """GFLOP/s of the product of two large matrices in fp32."""
    size = MATRIX[device.type]
    left, right = torch.randn(2, size, size, device=device).unbind()
    return _peak(lambda: left @ right, 2 * size**3, device)


def convolution_peak(device: torch.device) -> float:
    """GFLOP/s of a convolution with as many input as output channels in fp32."""
    images = torch.randn(BATCH, CHANNELS, SIDE, SIDE, device=device).to(memory_format=torch.channels_last)
    kernel = torch.randn(CHANNELS, CHANNELS, KERNEL, KERNEL, device=device)
    kernel = kernel.to(memory_format=torch.channels_last)
    outputs = BATCH * (SIDE - KERNEL + 1) ** 2
    return _peak(lambda: F.conv2d(images, kernel), 2 * outputs * (CHANNELS * KERNEL) ** 2, device)


def _peak(work: Callable[[], object], flops: int, device: torch.device) -> float:
    """GFLOP/s of the fastest of many calls."""
    fastest, until = math.inf, time.perf_counter() + PEAK_SECONDS
    with torch.inference_mode():
        while time.perf_counter() < until:
            fastest = min(fastest, _seconds(work, device))
    return flops / fastest / 1e9


@contextmanager
def intra_op_threads(threads: int) -> Iterator[None]:
    """Limit torch and NumPy to that many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with threadpool_limits(threads):
            yield
    finally:
        torch.set_num_threads(before)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    began = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def _rate(epoch: Callable[[], object], images: int, device: torch.device) -> float:
    return images / _seconds(epoch, device)


def _training(model: str, data_dir: str, device: torch.device) -> Training:
    config = Config(model=model, data_dir=data_dir)  # type: ignore[arg-type]
    return Training(config, data.load_for(config).to(device), device, torch.float32)


def _stock_epoch(model: str, data_dir: str, device: torch.device, run: wandb.Run) -> Callable[[], object]:
    options = {"data_dir": data_dir, "batch_size": 64, "eval_batch_size": 500, "num_workers": 0}
    loader, _, _ = stock_program.make_loaders(argparse.Namespace(**options))
    network = stock_program.build(model, (28, 28), 0.1).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)
    return lambda: stock_program.train_epoch(network, loader, optimizer, device, run)


def _floor_epoch(model: str, data_dir: str, device: torch.device) -> Callable[[], object]:
    training = _training(model, data_dir, device)
    order = torch.randperm(len(training.data.train), device=device)
    batches = [training.data.train[index] for index in order.split(training.config.batch_size)]

    def epoch() -> None:
        training.model.train()
        for start in range(0, len(batches), LOG_EVERY):
            interval = batches[start : start + LOG_EVERY]
            training.train_steps([len(batch) for batch in interval], interval)

    return epoch
