"""A run that the server does not hear of."""

import wandb

wandb.init(mode="offline").log({"loss": 1})
