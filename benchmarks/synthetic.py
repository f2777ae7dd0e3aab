"""Plausible runs without training: the study's grid and larger ones, with rows similar to MNIST's."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

GRID: dict[str, list[Any]] = {
    "model": ["dense", "cnn"],
    "lr": [0.1, 0.01, 0.001, 0.0001, 0.00001],
    "optimizer": ["sgd", "adam"],
    "dp": [0, 0.1, 0.3, 0.5],
}
DATA_SET = {  # MNIST's, as every run's config has it
    "class_names": [str(digit) for digit in range(10)],
    "class_counts": {
        "train": [5331, 6068, 5362, 5518, 5258, 4879, 5326, 5638, 5266, 5354],
        "val": [592, 674, 596, 613, 584, 542, 592, 627, 585, 595],
        "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
    },
}
EPOCHS = 2
ROWS_PER_EPOCH = 17  # as the study logs for 54,000 images: every 50 batches of 64


def sweep_config(seeds: int) -> dict[str, Any]:
    """A grid of 80 configurations with so many seeds each, as sweep.yaml has it."""
    values = {name: {"values": list(values)} for name, values in GRID.items()}
    seed = {"seed": {"values": list(range(1, seeds + 1))}}
    return {
        "name": "synthetic",
        "program": "train",
        "method": "grid",
        "metric": {"name": "val/acc", "goal": "maximize"},
        "parameters": {**values, **seed, "epochs": {"value": EPOCHS}},
    }


def accuracy(point: Mapping[str, Any]) -> float:
    """Return the final test accuracy of a run.

    It is a ridge over log10(lr) whose position depends on the optimizer, plus noise from the seed.
    """
    best = -0.7 if point["optimizer"] == "sgd" else -3.0
    away = abs(math.log10(point["lr"]) - best)
    top = (0.991 if point["model"] == "cnn" else 0.98) - 0.01 * point["dp"]
    noise = 0.004 * math.sin(12.9898 * point["seed"] + 78.233 * point["lr"] + point["dp"])
    return max(0.1, top - 0.12 * away**2 + noise)


def rows(point: Mapping[str, Any], began: float = 1_700_000_000.0) -> Iterator[dict[str, Any]]:
    """The history of a run: training rows, and at the end of an epoch the evaluation as well."""
    final, steps = accuracy(point), EPOCHS * ROWS_PER_EPOCH
    for step in range(1, steps + 1):
        now = 0.1 + (final - 0.1) * (1 - math.exp(-6 * step / steps))
        row: dict[str, Any] = {"train/loss": -math.log(now), "train/acc": now}
        if step % ROWS_PER_EPOCH == 0:
            row |= {"val/loss": 1 - now, "val/acc": now + 0.001, "test/loss": 1 - now, "test/acc": now}
            row |= {"epoch": step // ROWS_PER_EPOCH, "images_per_second": 20_000.0}
        yield row | {"_step": 50 * step, "_runtime": 0.3 * step, "_timestamp": began + 0.3 * step}
