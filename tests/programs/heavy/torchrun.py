"""torchrun: two processes that train together; the first has the run."""

import os
import subprocess
import sys

if "RANK" not in os.environ:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    sys.exit(subprocess.call([*launcher, __file__, *sys.argv[1:]], stderr=subprocess.DEVNULL))

import torch
import torch.distributed as distributed
import wandb

distributed.init_process_group("gloo")
rank = distributed.get_rank()
total = torch.tensor([rank + 1.0])
distributed.all_reduce(total)
if rank == 0:
    with wandb.init() as run:
        run.log({"total": total.item()})
distributed.destroy_process_group()
