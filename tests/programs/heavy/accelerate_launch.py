"""accelerate, started by its launcher."""

import os
import subprocess
import sys

if "ACCELERATE_MIXED_PRECISION" not in os.environ:
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes=1"]
    launcher += ["--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
    sys.exit(subprocess.call([*launcher, __file__, *sys.argv[1:]], stderr=subprocess.DEVNULL))

import torch
from accelerate import Accelerator

torch.manual_seed(1)
accelerator = Accelerator(cpu=True, log_with="wandb")
accelerator.init_trackers(os.environ.get("WANDB_PROJECT", "programs"))
model = accelerator.prepare(torch.nn.Linear(2, 1))
accelerator.log({"out": round(model(torch.ones(2)).item(), 4)})
accelerator.end_training()
