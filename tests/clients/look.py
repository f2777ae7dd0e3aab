"""Prints what wandb.Api() of the installed version knows about a sweep, as JSON: look.py SWEEP."""

import json
import sys
from pathlib import Path

import wandb


def of_run(run):
    run.load(force=True)
    artifacts = list(run.logged_artifacts())
    return {
        "state": run.state,
        "lr": run.config["lr"],
        "tags": run.tags,
        "notes": run.notes,
        "acc": run.summary.get("val/acc"),
        "rows": [row["val/acc"] for row in run.scan_history(keys=["val/acc"])],
        "sample": [row["val/acc"] for row in run.history(keys=["val/acc"], pandas=False)],
        "files": [file.name for file in run.files()],
        "artifacts": [artifact.type for artifact in artifacts],
        "table": [table_of(artifact) for artifact in artifacts],
    }


def table_of(artifact):
    folder = artifact.download(root=f"downloaded-{artifact.id}")
    (path,) = Path(folder).rglob("*.table.json")
    return json.loads(path.read_text())["data"]


api = wandb.Api()
sweep = api.sweep(sys.argv[1])
runs = list(sweep.runs)
report = {
    "version": wandb.__version__,
    "state": sweep.state,
    "expected": getattr(sweep, "expected_run_count", None),
    "best": sweep.best_run().config["lr"],
    "runs": [of_run(run) for run in runs],
}
project = "/".join(sys.argv[1].split("/")[:2])
filtered = api.runs(project, {"config.lr": {"$gt": 1}, "state": "finished"}, order="-summary_metrics.val/acc")
report["filtered"] = [run.config["lr"] for run in filtered]
edited = next(run for run in runs if run.state == "finished")
edited.name, edited.tags = "renamed", ["edited"]
edited.config["note"] = "added"
edited.update()
again = wandb.Api().run("/".join(edited.path))
report["edited"] = [again.name, again.tags, again.config["note"]]
next(run for run in runs if run.state == "failed").delete()
report["left"] = len(wandb.Api().runs(project))
print(json.dumps(report))
