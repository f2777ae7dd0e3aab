"""Speed must not cost accuracy: test accuracies over seeds, ours against the stock program.

Both run the same points on the same server. They draw random numbers in different orders, so equal seeds are
not pairs. The interval of the difference of means is Welch's, at 95 % for all configurations together
(Bonferroni).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
import wandb
from scipy import stats

from benchmarks.measure import Comparison, Figure
from benchmarks.parts.study import STOCK, ours_on, run_sample
from benchmarks.scene import embedded_server

GRID: dict[str, list[Any]] = {
    "model": ["dense", "cnn"],
    "optimizer": ["sgd", "adam"],
    "lr": [0.01, 0.001],
    "dp": [0.1],
    "seed": [1, 2, 3, 4, 5],
}
CONFIDENCE = 0.95
Configuration = tuple[str, str, float]  # model, optimizer, learning rate


def measure(data_dir: str, device: torch.device) -> list[Comparison]:
    """Test accuracies in % of eight configurations after two epochs, with five seeds each."""
    with embedded_server() as environment:
        ours, _ = run_sample(GRID, "train", [ours_on(device)], data_dir, device, environment)
        cores = len(os.sched_getaffinity(0))
        stock, _ = run_sample(GRID, "benchmarks.stock", [STOCK] * cores, data_dir, device, environment, 1)
        found = {name: _accuracies(name, environment) for name in (ours, stock)}
    level = 1 - (1 - CONFIDENCE) / len(found[ours])
    return [compare(key, found[ours][key], found[stock][key], level) for key in sorted(found[ours])]


def compare(key: Configuration, ours: list[float], stock: list[float], level: float) -> Comparison:
    """Compare accuracies in % for one configuration.

    Also say whether the means agree at that confidence level.
    """
    test = stats.ttest_ind(ours, stock, equal_var=False)
    low, high = test.confidence_interval(level)
    verdict = "agree" if low <= 0 <= high else "differ"
    difference = sum(ours) / len(ours) - sum(stock) / len(stock)
    note = (
        f"the means {verdict}: ours - stock = {difference:+.2f} [{low:+.2f}, {high:+.2f}] percentage points"
    )
    name = "test accuracy, {} {} lr {:g}".format(*key)
    return Comparison(name, "%", Figure(tuple(ours)), {"stock": Figure(tuple(stock))}, True, note)


def _accuracies(sweep: str, environment: Mapping[str, str]) -> dict[Configuration, list[float]]:
    """Test accuracies in % of a sweep's finished runs."""
    settings = {"base_url": environment["WANDB_BASE_URL"]}
    api = wandb.Api(settings, api_key=environment["WANDB_API_KEY"])
    found = defaultdict(list)
    for run in api.sweep(sweep).runs:
        if run.state == "finished":
            key = (run.config["model"], run.config["optimizer"], run.config["lr"])
            found[key].append(100 * run.summary["test/acc"])
    return dict(found)
