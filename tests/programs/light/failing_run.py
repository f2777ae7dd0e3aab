"""A run that fails."""

import wandb

wandb.init().log({"loss": 1})
raise OSError("disk full")
