"""A program whose training is a sleep of $NAP_SECONDS, so that all other time is waiting for the server.

`python -m benchmarks.programs.nap --seed=1` appends one JSON line, with the start and end of its training
(seconds since the epoch), to the file in PROBE_LOG.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import wandb

PIECES = 10


def main() -> None:
    """Make one W&B run."""
    options = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
    with wandb.init(config=options) as run:
        began = time.time()
        for piece in range(PIECES):
            time.sleep(float(os.environ["NAP_SECONDS"]) / PIECES)
            run.log({"val/acc": piece / PIECES})
        line = json.dumps({"began": began, "ended": time.time()})
        with Path(os.environ["PROBE_LOG"]).open("a", encoding="utf-8") as log:
            log.write(line + "\n")


if __name__ == "__main__":
    main()
