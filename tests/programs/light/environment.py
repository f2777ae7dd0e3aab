"""Variables that are set before the import that reads them."""

import os

os.environ["MPLBACKEND"] = "svg"
os.environ["WANDB_PROJECT"] = "elsewhere"
import matplotlib
import wandb

open(os.environ["OUT"] + "/read", "w").write(f"{matplotlib.get_backend()} {wandb.Settings().project}")
