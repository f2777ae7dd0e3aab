"""Resumes a run; afterwards it exists once, with the rows of both parts."""

import os

import wandb

for number in range(2):
    with wandb.init(
        project=os.environ["WANDB_PROJECT"], id="again", resume="allow" if number else None
    ) as run:
        run.log({"x": number})
        run.log({"x": number + 0.5})
