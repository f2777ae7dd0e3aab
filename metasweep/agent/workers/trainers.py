"""`--members K`: processes that train several runs of the same kind together, and outlive these runs.

This is for programs that support it: `python -m PACKAGE` with a module `PACKAGE.trainer`, which is started as
`python -m PACKAGE.trainer SOCKET --members K`. Every run finds the socket in $TRAIN_TOGETHER.
"""

from __future__ import annotations

import importlib.util
import math
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import click

from metasweep.agent.workers.work import Work
from metasweep.forks.messages import Start
from metasweep.forks.processes.program import Program, parse

VARIABLE = "TRAIN_TOGETHER"
MODULE = "trainer"
RESTART_SECONDS = 2.0
AHEAD = 2  # runs claimed for each run that trains: one starts up while the other trains


def check(program: Program, members: int | None) -> None:
    """Check that the program can train `members` runs together. Raises: click.UsageError."""
    if not members:
        return  # looking for the module would import the program's package here, where nobody needs it
    name = f"{program.name}.{MODULE}"
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    try:
        able = program.kind == "module" and importlib.util.find_spec(name) is not None
    except ImportError:
        able = False
    finally:
        sys.path.pop(0)
    if not able:
        raise click.UsageError(
            f"--members: {program.name} trains one run at a time: that needs a package with a module {MODULE}"
        )


class Trainers:
    """The trainer processes, each for several runs at once. Threads start them again when they end."""

    def __init__(self, work: Work, package: str, number: int, members: int, folder: Path) -> None:
        """Their output goes to files in `folder`."""
        self._work, self._package, self._members, self._logs = work, package, members, folder
        self._sockets = Path(tempfile.mkdtemp(prefix="trainers-"))
        self._warm = threading.Event()
        self.workers = number * members * AHEAD
        """The number of workers that keep all trainers busy."""
        self._number = number
        self._ended_at = [-math.inf] * number
        for index in range(number):
            threading.Thread(target=self._keep_alive, args=(index,), daemon=True).start()

    def environ(self, worker: int) -> dict[str, str]:
        """Return the environment variables for the runs of a worker; workers count from 1."""
        return {VARIABLE: self._socket(self._index(worker))}

    def begin(self) -> None:
        """Start the trainers. By now a first run has downloaded the program's data for all."""
        self._warm.set()

    def ended_since(self, moment: float, worker: int) -> bool:
        """Return whether the trainer of this worker has ended since `moment` (monotonic clock)."""
        return self._ended_at[self._index(worker)] > moment

    def close(self) -> None:
        """Remove the sockets."""
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _index(self, worker: int) -> int:
        return (worker - 1) % self._number

    def _socket(self, index: int) -> str:
        return str(self._sockets / str(index))

    def _keep_alive(self, index: int) -> None:
        self._warm.wait()
        work = self._work
        while not work.stop.is_set():
            status = work.pool.run(self._start(index))
            self._ended_at[index] = time.monotonic()
            if not work.stop.is_set():
                work.note_trainer_end(status)
            work.stop.wait(RESTART_SECONDS)

    def _start(self, index: int) -> Start:
        name, socket = f"{self._package}.{MODULE}", self._socket(index)
        Path(socket).unlink(missing_ok=True)
        program = parse([sys.executable, "-m", name, socket, f"--members={self._members}"])
        log = str(self._logs / f"trainer-{index + 1}.log")
        gpus = self._work.gpus_of(index + 1)  # its runs are those of the workers with the same GPUs
        return Start(f"trainer-{index + 1}", program, gpus, log, companion=True)
