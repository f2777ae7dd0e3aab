"""A metric that is logged by an exit handler."""

import atexit

import wandb

run = wandb.init()
atexit.register(lambda: wandb.log({"late": 1}))
run.log({"loss": 2})
