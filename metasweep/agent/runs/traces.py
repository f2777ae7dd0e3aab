"""What one run left behind, and how two runs of one point differ in that."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDED = (
    "os",
    "python",
    "executable",
    "program",
    "codePath",
    "args",
    "root",
    "host",
    "cpu_count",
    "gpu_count",
)
"""What wandb records of a process that is the same in every run of a point here; not its times and ids."""


@dataclass
class Traces:
    """What one run left behind."""

    name: str
    """The run's id."""
    status: int
    seconds: float
    memory: float
    """The peak, in MiB."""
    log: str
    variables: dict[str, str] = field(default_factory=dict)
    """The environment that its process began with; empty if that could not be seen."""
    recorded: dict[str, Any] = field(default_factory=dict)
    """What wandb recorded of its process."""
    state: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    rows: int = 0
    """How many rows of history this process logged."""
    files: set[str] = field(default_factory=set)

    @property
    def metrics(self) -> list[str]:
        """The names of what it logged, sorted."""
        return sorted(name for name in self.summary if not name.startswith("_")) or ["nothing"]


def variables_of(process: int | None, run_id: str) -> dict[str, str]:
    """Return the environment that the process of a run began with; empty as long as it is not that run's."""
    try:
        text = os.fsdecode(Path(f"/proc/{process}/environ").read_bytes())
    except OSError:
        return {}  # it has not started yet, or has ended
    found = dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)
    return found if found.get("WANDB_RUN_ID") == run_id else {}


def recorded_by_wandb(folder: Path, run_id: str) -> dict[str, Any]:
    """Return what wandb recorded in its `folder` of the process of a run, and the packages that it found."""
    found: dict[str, Any] = {}
    for files in folder.glob(f"run-*-{run_id}/files"):
        for path in files.glob("wandb-metadata.json"):
            record = json.loads(path.read_text(encoding="utf-8"))
            found |= {key: record[key] for key in RECORDED if key in record}
        for path in files.glob("requirements.txt"):
            found["packages"] = sorted(path.read_text(encoding="utf-8").split())
    return found


def differences(alone: Traces, ours: Traces) -> list[str]:
    """Return what a run by the agent left behind that differs from a run alone. Values are not compared."""
    faults = []
    if ours.status != alone.status or ours.state != alone.state:
        faults.append(f"by the agent it is {ours.state} (exit code {ours.status}); alone it is {alone.state}")
    if ours.metrics != alone.metrics:
        faults.append(f"alone it logs {', '.join(alone.metrics)}; by the agent {', '.join(ours.metrics)}")
    if ours.rows != alone.rows:
        faults.append(f"alone it logs {alone.rows} rows, by the agent {ours.rows}")
    if len(ours.files) != len(alone.files):
        faults.append(f"alone it writes {len(alone.files)} files, by the agent {len(ours.files)}")
    if names := surroundings(alone, ours):
        faults.append(f"by the agent its environment is another: {', '.join(names)}")
    return [f"{fault}: --cold starts each run alone" for fault in faults]


def surroundings(alone: Traces, ours: Traces) -> list[str]:
    """Return the names of variables, and of what wandb recorded, that differ by more than the run's id.

    Only names: a value may be a secret. What was not seen of one of the two is not compared.
    """
    found: list[str] = []
    for one, other in ((alone.variables, ours.variables), (alone.recorded, ours.recorded)):
        if one and other:
            found += sorted(
                name
                for name in {*one, *other}
                if str(one.get(name)).replace(alone.name, "") != str(other.get(name)).replace(ours.name, "")
            )
    return found
