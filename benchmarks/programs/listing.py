"""`python -m benchmarks.programs.listing PATH`: list the runs of a project or sweep through `wandb.Api()`.

Reads every summary and configuration; prints the number of runs and the seconds that it took as JSON.
"""

from __future__ import annotations

import json
import sys
import time

import wandb

PAGE = 1000


def main(path: str) -> None:
    """List once."""
    project, _, sweep = path.rpartition("/")
    api = wandb.Api()
    began = time.perf_counter()
    found = api.runs(project, filters={"sweep": sweep}, per_page=PAGE, lazy=False)
    accuracies = [run.summary["test/acc"] for run in found if run.config["epochs"]]
    print(json.dumps({"runs": len(accuracies), "seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main(sys.argv[1])
