"""What the agent and its forkserver say to each other."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from metasweep.forks.processes.program import Program
from metasweep.forks.ways import Way

# --- what the agent says


@dataclass(frozen=True)
class Load:
    """Make ready to start runs of a program; says the first word."""

    program: Program
    way: Way
    imports: tuple[str, ...]
    """What to import before runs are forked."""


@dataclass(frozen=True)
class Start:
    """Start a run: one child."""

    run_id: str
    program: Program
    environ: dict[str, str]
    """What this run's environment has beyond the forkserver's."""
    log: str
    held: bool = False
    """Whether it waits, after `wandb.init`, until it is told to `Go`."""
    companion: bool = False
    """Whether this is no run, but a process that runs work with; it ends with the forkserver."""


@dataclass(frozen=True)
class Go:
    """It is the turn of a run that was held."""

    run_id: str


@dataclass(frozen=True)
class Signal:
    """Send a signal to a run's processes."""

    run_id: str
    signum: signal.Signals
    for_good: bool = True
    """Whether the run is not to be handed out again when it dies of it."""


@dataclass(frozen=True)
class Leave:
    """End, once the wandb service has sent everything."""


# --- what the forkserver says


@dataclass(frozen=True)
class Started:
    """A run's process, the leader of its process group."""

    run_id: str
    pid: int


@dataclass(frozen=True)
class Reached:
    """How far a run is that was held: `turns.READY` or `turns.OVER`."""

    run_id: str
    what: int


@dataclass(frozen=True)
class Exited:
    """A run's process ended: `status` is its exit code, or minus the signal that killed it."""

    run_id: str
    status: int
    finished: bool | None = None
    """Whether its run came to its end on the server too, where that is known here."""
    note: str = ""
    """What the log of the run does not say of its end."""
    untold: bool = False
    """Whether the server could not be told: the wandb service had to go before it had an answer."""


@dataclass(frozen=True)
class Note:
    """What the user should know."""

    text: str
