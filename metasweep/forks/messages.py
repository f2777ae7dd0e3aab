"""The messages between the agent and its forkserver."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field

from metasweep.forks.leading_imports import Statement
from metasweep.forks.processes.program import Program
from metasweep.forks.ways import Way

# --- from the agent


@dataclass(frozen=True)
class Load:
    """Prepare to start runs of a program. This is the first message."""

    program: Program
    way: Way
    imports: tuple[str, ...]
    """What to import before runs are forked."""
    early_imports: tuple[Statement, ...] = ()
    """The imports that a process started ahead of its run makes meanwhile."""
    read: Mapping[str, int] = field(default_factory=dict)
    """If runs are forked: the files on which that rests, and when each was last changed (ns)."""


@dataclass(frozen=True)
class Start:
    """Start a run in one child."""

    run_id: str
    program: Program
    environ: dict[str, str]
    """Variables for this run, in addition to those of the forkserver."""
    log: str
    held: bool = False
    """Whether the run waits after `wandb.init` until it gets `Go`."""
    companion: bool = False
    """Whether this is not a run but a helper process that runs use. It ends with the forkserver."""


@dataclass(frozen=True)
class Go:
    """Let a held run continue."""

    run_id: str


@dataclass(frozen=True)
class Signal:
    """Send a signal to a run's processes."""

    run_id: str
    signum: signal.Signals
    for_good: bool = True
    """Whether the run should not be offered again if the signal ends it."""


@dataclass(frozen=True)
class Leave:
    """End after the wandb service has sent everything."""


# --- from the forkserver


@dataclass(frozen=True)
class Started:
    """A run's process has started. It leads a process group of its own."""

    run_id: str
    pid: int


@dataclass(frozen=True)
class Reached:
    """How far a held run is: `turns.READY` or `turns.OVER`."""

    run_id: str
    what: int


@dataclass(frozen=True)
class Exited:
    """A run's process ended: `status` is its exit code, or minus the signal that killed it."""

    run_id: str
    status: int
    finished: bool | None = None
    """Whether the run finished on the server too; None if that is not known."""
    note: str = ""
    """What the run's log does not say about its end."""
    unreported: bool = False
    """Whether the server may not know the end: the wandb service ended before the server answered."""


@dataclass(frozen=True)
class Note:
    """A message for the user."""

    text: str
