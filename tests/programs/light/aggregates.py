"""define_metric."""

import wandb

run = wandb.init()
run.define_metric("loss", summary="min")
run.define_metric("acc", summary="max,last")
for loss, acc in ((3, 0.1), (1, 0.9), (2, 0.5)):
    run.log({"loss": loss, "acc": acc})
