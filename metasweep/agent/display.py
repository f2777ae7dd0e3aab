"""What the user sees: a live panel in a terminal, plain lines anywhere else."""

from __future__ import annotations

import contextlib
import sys
import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from metasweep.agent.progress import ProgressMonitor
from metasweep.agent.workers.fleet import Fleet
from metasweep.agent.workers.worker import Worker
from metasweep.batch.walltime import clock

# lines of the panel that do not belong to a worker
PANEL_LINES = 5
SPOKEN_SECONDS = 60.0  # between two lines of progress in a log


class Lines:
    """Plain lines with the time of day, for logs."""

    progress_seconds = 20.0
    """Seconds between two questions to the server. It may have to answer hundreds of agents."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spoken = time.monotonic()

    def say(self, text: str, routine: bool = False) -> None:  # noqa: ARG002
        """Print one line. `routine` marks what a panel shows anyway."""
        line = Text(f"{time.strftime('%H:%M:%S')} {text}")
        self._console.print(line, soft_wrap=True)

    def refresh(self, fleet: Fleet, monitor: ProgressMonitor) -> None:
        """Print the progress, at most once in `SPOKEN_SECONDS`."""
        if time.monotonic() - self._spoken > SPOKEN_SECONDS:
            self._spoken = time.monotonic()
            self.say(f"{progress_line(fleet, monitor).plain}; {tally_line(fleet).plain}")

    def close(self) -> None:
        """End the display. A log has nothing to remove."""


class Panel(Lines):
    """A live panel. Failures are printed above it."""

    progress_seconds = 5.0

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._live.start()

    def say(self, text: str, routine: bool = False) -> None:
        """Print one line above the panel, unless the panel shows it anyway."""
        if not routine:
            super().say(text)

    def refresh(self, fleet: Fleet, monitor: ProgressMonitor) -> None:
        """Draw the panel again."""
        self._live.update(draw(fleet, monitor, self._console.size.height), refresh=True)

    def close(self) -> None:
        """Remove the panel."""
        self._live.stop()


def draw(fleet: Fleet, monitor: ProgressMonitor, height: int) -> Group:
    """Return the panel: progress, counts, and one line for each worker that fits into the height."""
    latest = monitor.latest
    bar = ProgressBar(
        total=latest.expected if latest and latest.expected else None,
        completed=latest.finished if latest else 0,
        pulse=not (latest and latest.expected),
    )
    workers = Table.grid(padding=(0, 2))
    for justify in ("right", "left", "right"):
        workers.add_column(justify=justify, no_wrap=True, overflow="ellipsis")
    workers.columns[1].ratio = 1
    workers.expand = True
    room = max(1, height - PANEL_LINES - 1)
    for worker in fleet.workers[:room]:
        workers.add_row(str(worker.number), activity(fleet, worker), elapsed(worker))
    if hidden := len(fleet.workers) - room:
        workers.add_row("", f"… and {hidden} more workers" if hidden > 0 else "", "")
    line = Table.grid(expand=True)  # a bar alone does not end its line
    line.add_row(bar)
    return Group(progress_line(fleet, monitor), line, tally_line(fleet), workers)


def progress_line(fleet: Fleet, monitor: ProgressMonitor) -> Text:
    """Return the progress of all agents: `12 of 400 runs done, 0:05:10 left, best val/acc …`."""
    line = Text(fleet.shared.sweep.name.id, style="bold")
    latest = monitor.latest
    if latest is None:
        return line.append(": the server has not answered yet", style="not bold")
    total = f" of {latest.expected}" if latest.expected else ""
    line.append(f": {latest.finished}{total} runs done", style="not bold")
    if (left := monitor.seconds_left()) is not None:
        line.append(f", {clock(left)} left", style="not bold")
    metric = fleet.shared.sweep.metric
    if metric and latest.best is not None:
        line.append(f", best {metric.name} {latest.best:.4g} ({latest.best_run})", style="not bold")
    if latest.state.upper() == "PAUSED":
        line.append(", paused", style="yellow")
    return line


def tally_line(fleet: Fleet) -> Text:
    """Return what this agent has done: `here 2 running, 12 finished, 0 failed, 31.2 runs/min`."""
    line = Text(f"here {fleet.tally()}")
    line.highlight_regex(r"\b[1-9]\d* failed", "red")
    return line


def activity(fleet: Fleet, worker: Worker) -> Text:
    """Return what a worker is doing now."""
    run = worker.run_now
    if run is None:
        return Text(worker.note, style="dim")
    return Text(f"{run.name or run.id}  {fleet.shared.sweep.varying(run.point)}  {worker.note}")


def elapsed(worker: Worker) -> str:
    """Return how long the worker's current run has taken."""
    return clock(time.monotonic() - worker.run_now.began) if worker.run_now else ""


def open_display() -> Lines:
    """Return a panel in a terminal, plain lines elsewhere."""
    console = Console(stderr=True, highlight=False, markup=False)
    return Panel(console) if console.is_terminal else Lines(console)


def announce(screen: Lines, sweep: str) -> None:
    """Print which sweep it is.

    Its name goes alone to standard output, for scripts; on a terminal only once.
    """
    screen.say(f"sweep {sweep}")
    if sys.stdout is None or (sys.stdout.isatty() and sys.stderr.isatty()):
        return
    with contextlib.suppress(BrokenPipeError):  # nobody reads the output
        print(sweep, flush=True)
