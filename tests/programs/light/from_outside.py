"""What others see of a process."""

import os
import subprocess

run = f"WANDB_RUN_ID={os.environ['WANDB_RUN_ID']}"
shown = subprocess.run(["ps", "-o", "args=", "-p", str(os.getpid())], capture_output=True, text=True).stdout
open(os.environ["OUT"] + "/shown", "w").write(
    f"{run in open('/proc/self/environ').read()} {shown} {os.open(os.devnull, os.O_RDONLY)}"
)
