"""What a sweep runs, with whatever wandb is installed: rows, a Table, and a failure for one of its points."""

import sys

import wandb

with wandb.init(tags=["matrix"], notes="of the matrix", job_type="train") as run:
    for step in range(5):
        run.log({"val/acc": run.config.lr * step})
    table = wandb.Table(columns=["name", "score"], data=[["first", 0.5], ["second", 0.25]])
    run.log({"table": table})
    print("trained with", run.config.lr)
    if run.config.lr == 3:
        sys.exit(4)
