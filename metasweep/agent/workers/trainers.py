"""`--members K`: processes that train runs of one kind together, kept alive beside the runs.

For programs that can do it: `python -m PACKAGE` with a module `PACKAGE.trainer`, which is started as
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
AHEAD = 2  # runs claimed for each that is trained: the next ones begin while these are at work


def check(program: Program, members: int | None) -> None:
    """Raises: click.UsageError, if the program cannot train runs together, as `members` asks it to."""
    if not members:
        return  # to look for the module would import the program's package, here, where nobody needs it
    name = f"{program.name}.{MODULE}"
    try:
        able = program.kind == "module" and importlib.util.find_spec(name) is not None
    except ImportError:
        able = False
    if not able:
        raise click.UsageError(
            f"--members: {program.name} trains one run at a time: that takes a package with a module {MODULE}"
        )


class Trainers:
    """So many trainers, each for so many runs at once. Threads that start them again when they end."""

    def __init__(self, work: Work, package: str, number: int, members: int, folder: Path) -> None:
        """What they print goes to files in `folder`."""
        self._work, self._package, self._members, self._logs = work, package, members, folder
        self._sockets = Path(tempfile.mkdtemp(prefix="trainers-"))
        self._warm = threading.Event()
        self.workers = number * members * AHEAD
        """How many workers keep them busy."""
        self._number = number
        self._ended_at = [-math.inf] * number
        for index in range(number):
            threading.Thread(target=self._keep_alive, args=(index,), daemon=True).start()

    def environ(self, worker: int) -> dict[str, str]:
        """Return what the runs of a worker, counted from 1, need in their environment."""
        return {VARIABLE: self._socket(self._index(worker))}

    def begin(self) -> None:
        """Start them: a first run has been, and has had the program's data loaded for all."""
        self._warm.set()

    def ended_since(self, moment: float, worker: int) -> bool:
        """Whether the trainer of a worker's run has ended since then, by the monotonic clock."""
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
        return Start(f"trainer-{index + 1}", program, {}, log, companion=True)
