"""What the forkserver knows of its children: those that run, and those that stand by."""

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
    """A file in memory: empty unless the child has come to its end; then also what a fork had to import."""
    has_reported: bool = False
    """Whether the agent knows already: the process had nothing left to do but to end."""
    shares_service: bool = False
    stopped_for_good: bool = False
    told_to_go: bool = False
    stands_in_for: Child | None = None
    """The run that died without a word, whose end this child tells the server."""
    status: int = 0
    gate: int | None = None
    """Where one that was held is told that it is its turn."""
    is_beginning: bool = False
    """Whether it was held and is still in `wandb.init`."""


@dataclass(frozen=True)
class Spare:
    """A child started ahead: the next run finds its process standing by."""

    pid: int
    line: int
    """Where it is told what to become."""
    ended: int
    gate: int | None
    """Where it can be held, if it is a fork."""


def close(spare: Spare) -> None:
    """Close what leads to a spare child, which ends."""
    for fd in (spare.line, spare.ended, spare.gate):
        if fd is not None:
            os.close(fd)


def open_gate(this: Child) -> None:
    """Tell a child that it is its turn, if it was held and does not know."""
    if this.gate is not None:
        with contextlib.suppress(BrokenPipeError):
            os.write(this.gate, b".")
        os.close(this.gate)
        this.gate = None


def write_all(fd: int, data: bytes) -> None:
    """Write to a pipe whose other end reads it all."""
    while data:
        data = data[os.write(fd, data) :]


def has_wandb_run(start: Start, environ: dict[str, str]) -> bool:
    """Whether the run got as far as `wandb.init`, which makes a folder."""
    folder = Path((environ | start.environ).get("WANDB_DIR", ".")) / "wandb"
    return folder.is_dir() and any(
        entry.name.startswith("run-") and entry.name.endswith(f"-{start.run_id}")
        for entry in folder.iterdir()
    )
