"""The wandb service that runs share, and what it is told of runs that died."""
