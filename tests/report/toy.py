"""Real runs of a sweep through the real client, with made-up accuracies: `python toy.py SWEEP_ID`."""

from __future__ import annotations

import sys

import wandb

GRID = [
    {"model": model, "lr": lr, "dp": dp, "seed": seed}
    for model in ("dense", "cnn")
    for lr in (0.1, 0.001)
    for dp in (0, 0.5)
    for seed in (1, 2, 3)
]
CLASSES = {"train": [60, 40], "val": [6, 4], "test": [10, 10]}


def accuracy(point: dict, epoch: int) -> float:
    """Low learning rates stay at chance; what remains depends on the model and a little on the seed."""
    if point["lr"] < 0.01:
        return 0.5
    top = 0.96 if point["model"] == "cnn" else 0.9
    return top - 0.02 * point["dp"] - 0.1 * (2 - epoch) + 0.001 * point["seed"]


def run(sweep: str, point: dict, exit_code: int = 0, diverged: bool = False) -> None:
    """One run of a point, as a training program makes it."""
    config = {**point, "class_counts": CLASSES, "class_names": ["no", "yes"], "epochs": 2}
    with wandb.init(project="toy", config=config, settings=wandb.Settings(sweep_id=sweep)) as started:
        for epoch in (1, 2):
            reached = accuracy(point, epoch)
            loss = float("nan") if diverged else 1 - reached
            started.log({"train/acc": reached, "train/loss": loss}, step=10 * epoch)
            row = {"val/acc": reached, "val/loss": loss, "test/acc": reached, "test/loss": loss}
            started.log({**row, "epoch": epoch}, step=10 * epoch)
        if exit_code:
            started.finish(exit_code=exit_code)


if __name__ == "__main__":
    for index, a_point in enumerate(GRID[:-2]):
        run(sys.argv[1], a_point, diverged=index == 0)
    run(sys.argv[1], GRID[-2], exit_code=1)  # failed; the last point is missing
    run(sys.argv[1], {**GRID[5], "dp": 0.5})  # again
    with wandb.init(project="toy", config={"dp": [1], "color": "red"}) as other:  # of no sweep
        other.log({"score": "high"})
