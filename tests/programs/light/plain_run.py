"""The usual run."""

import wandb

with wandb.init(config={"y": 1}) as run:
    for step in range(3):
        run.log({"loss": 3 - step, "text": "a", "nested": {"deep": step}})
    run.summary["best"] = 1
