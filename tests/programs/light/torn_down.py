"""A run that is left to `wandb.teardown`."""

import wandb

wandb.init().log({"loss": 1})
wandb.teardown()
