"""wandb.init twice."""

import wandb

run = wandb.init()
run.log({"loss": 1})
run.finish()
run = wandb.init(id=run.id, resume="must")
run.log({"loss": 0.5})
