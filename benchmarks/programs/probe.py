"""The program that the overhead bench times: realistic imports, a short training, one W&B run.

`python -m benchmarks.programs.probe --lr=0.1 --seed=1` appends one JSON line, with the start and end of its
training (seconds since the epoch), to the file in PROBE_LOG.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import torch
import torchvision  # noqa: F401  (what every MNIST program imports)
import wandb

STEPS = 200


def train(lr: float, seed: int) -> float:
    """Fit a small perceptron to random labels for `STEPS` steps and return the last loss."""
    torch.manual_seed(seed)
    model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    images, labels = torch.randn(64, 64), torch.randint(10, (64,))
    for _ in range(STEPS):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def timed(lr: float, seed: int) -> float:
    """Train, and log when."""
    began = time.time()
    loss = train(lr, seed)
    line = json.dumps({"began": began, "ended": time.time()})
    with Path(os.environ["PROBE_LOG"]).open("a", encoding="utf-8") as log:
        log.write(line + "\n")
    return loss


def one_run() -> None:
    """Do one W&B run with the configuration from wandb; function agents call this."""
    with wandb.init() as run:
        run.log({"val/acc": -timed(run.config.get("lr", 0.1), run.config.get("seed", 1))})


def main() -> None:
    """Read `--lr=` and `--seed=` and make one W&B run."""
    options = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
    with wandb.init(config=options) as run:
        run.log({"val/acc": -timed(float(options["lr"]), int(options["seed"]))})


if __name__ == "__main__":
    main()
