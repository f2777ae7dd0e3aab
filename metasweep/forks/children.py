"""What the forkserver knows of its children that run."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from metasweep.forks.messages import Start


@dataclass
class Child:
    """A running child."""

    start: Start
    ended: int
    """A file in memory.

    It is empty until the program has ended by itself; then it also lists a fork's imports.
    """
    has_reported: bool = False
    """Whether the agent already knows the end: the process only had to exit."""
    shares_service: bool = False
    stopped_for_good: bool = False
    told_to_end: bool = False
    stands_in_for: Child | None = None
    """The run that died without telling the server; this child tells the server of its end."""
    status: int = 0
    gate: int | None = None
    """The pipe that tells a held child that its turn has come."""
    is_beginning: bool = False
    """Whether it is held and still in `wandb.init`."""


def open_gate(this: Child) -> None:
    """Tell a held child that its turn has come, if it does not know yet."""
    if this.gate is not None:
        with contextlib.suppress(BrokenPipeError):
            os.write(this.gate, b".")
        os.close(this.gate)
        this.gate = None


def has_wandb_run(start: Start, environ: dict[str, str]) -> bool:
    """Return whether the run got as far as `wandb.init`, which makes a folder."""
    return bool(run_folders(start, environ))


def has_finished_wandb_run(start: Start, environ: dict[str, str]) -> bool:
    """Return whether the run got as far as `finish`, which writes the summary into the run's folder.

    This also finds a run with a service of its own, as after a program has executed itself again. To ask our
    service for a run that is not open there would take ten seconds.
    """
    found = run_folders(start, environ)
    return bool(found) and (max(found) / "files" / "wandb-summary.json").is_file()


def run_folders(start: Start, environ: dict[str, str]) -> list[Path]:
    """Return wandb's folders of a run, `run-TIME-ID`: one for each start of the run."""
    folder = Path((environ | start.environ).get("WANDB_DIR", ".")) / "wandb"
    if not folder.is_dir():
        return []
    end = f"-{start.run_id}"
    return [each for each in folder.iterdir() if each.name.startswith("run-") and each.name.endswith(end)]
