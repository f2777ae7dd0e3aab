"""The agent's side of the forkserver: starts runs, signals them, waits for their end."""

from __future__ import annotations

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from metasweep.forks.messages import (
    Exited,
    Go,
    Leave,
    Load,
    Note,
    Reached,
    Signal,
    Start,
    Started,
)
from metasweep.forks.processes.process import describe_status, signal_group
from metasweep.forks.processes.program import ROOT, Program
from metasweep.forks.ways import Choice

BOOT = (
    "import sys; sys.path[: not getattr(sys.flags, 'safe_path', False)] = [{root!r}]; "
    "from metasweep.forks.forkserver import main; del sys.path[0]; main({socket}, {parent})"
)
Events = queue.SimpleQueue[Reached | Exited]
"""The events of a run, in order: `Reached` if it was held, and `Exited` at its end."""
RETRY_SECONDS = 1.0


class Pool:
    """Runs programs as children of one forkserver. If that dies, a new one replaces it."""

    def __init__(
        self,
        program: Program,
        choice: Choice,
        environ: Mapping[str, str],
        log: Path,
        report: Callable[[str], None] = print,
    ) -> None:
        """Start the forkserver with the environment `environ`; its output goes to `log`.

        `report` tells the user what only the forkserver can notice.
        """
        self._load = Load(program, choice.way, choice.imports, choice.early_imports, choice.read)
        self._interpreter = program.interpreter or (sys.executable,)
        self._report = report
        self._environ = dict(environ)
        self._log = log
        self._lock = threading.Lock()
        self._waiting: dict[str, Events] = {}
        self._processes: dict[str, int] = {}
        self._leaving = False
        self._launch()
        threading.Thread(target=self._listen, name="pool", daemon=True).start()

    def start(self, start: Start) -> Events:
        """Start a run. Its events come through the returned queue; the last one is its end."""
        events: Events = queue.SimpleQueue()
        with self._lock:
            self._waiting[start.run_id] = events
            self._say(start)
        return events

    def run(self, start: Start) -> int:
        """Start a run that is not held, and wait for its end. Return its exit status."""
        events = self.start(start)
        while not isinstance(event := events.get(), Exited):
            continue
        return event.status

    def go(self, run_id: str) -> None:
        """Let a held run continue. It may have ended already."""
        self._send(Go(run_id))

    def signal(self, run_id: str, signum: signal.Signals, for_good: bool = True) -> None:
        """Send a signal to a run, which may have ended already.

        If not `for_good`, the run will be offered again.
        """
        self._send(Signal(run_id, signum, for_good))

    def group(self, run_id: str) -> int | None:
        """Return the process group of a run; None if it has no process yet."""
        return self._processes.get(run_id)

    def leave(self, seconds: float) -> bool:
        """End the forkserver and the wandb service, which has `seconds` to send what it still has.

        Returns whether everything was sent in that time.
        """
        self._leaving = True
        self._send(Leave())
        try:
            return self._process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            self.kill()
            return False

    def kill(self) -> None:
        """End the forkserver and every run at once."""
        self._leaving = True
        with socket.socket(fileno=os.dup(self._connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)  # the forkserver kills its children and ends
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._kill_groups()

    def _launch(self) -> None:
        ours, theirs = socket.socketpair()
        boot = BOOT.format(root=ROOT, socket=theirs.fileno(), parent=os.getpid())
        with self._log.open("ab") as log, theirs:
            self._process = subprocess.Popen(
                [*self._interpreter, "-c", boot],  # forks have its options
                env=self._environ,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._connection = Connection(ours.detach())
        self._say(self._load)

    def _send(self, message: Go | Signal | Leave) -> None:
        with self._lock:
            self._say(message)

    def _say(self, message: Load | Start | Go | Signal | Leave) -> None:
        """Send a message. The caller holds the lock."""
        try:
            self._connection.send(message)
        except OSError:
            return  # the forkserver has died; `_listen` replaces it

    def _listen(self) -> None:
        # Never return: a forkserver dies with the thread that started it.
        while True:
            try:
                message: Started | Reached | Exited | Note = self._connection.recv()
            except (EOFError, OSError):
                if self._leaving:
                    return
                self._replace()
                continue
            if isinstance(message, Note):
                self._report(message.text)
                continue
            if isinstance(message, Reached):
                with self._lock:
                    events = self._waiting.get(message.run_id)
                if events:
                    events.put(message)
                continue
            if isinstance(message, Started):
                self._processes[message.run_id] = message.pid
                continue
            self._processes.pop(message.run_id, None)
            with self._lock:
                end = self._waiting.pop(message.run_id, None)
            if end:
                end.put(message)

    def _replace(self) -> None:
        """Start a new forkserver. The runs of the dead one died with it.

        If no process can be started, `_listen` tries again. Messages that are sent meanwhile are lost.
        """
        status = self._process.wait()
        self._kill_groups()
        self._processes.clear()
        with self._lock:  # from now on no run is sent to the dead forkserver
            lost, self._waiting = self._waiting, {}
            try:
                self._launch()
                pause = 0.0
            except OSError as error:
                print(f"no new forkserver: {error}", file=sys.stderr, flush=True)
                pause = RETRY_SECONDS
        note = f"the process that starts the runs ended, {describe_status(status)}: see {self._log}"
        for run_id, end in lost.items():
            end.put(Exited(run_id, -signal.SIGKILL, note=note))
        time.sleep(pause)

    def _kill_groups(self) -> None:
        """Kill the processes that the runs of a dead forkserver had started. The runs died; these did not."""
        for pid in list(self._processes.values()):
            signal_group(pid, signal.SIGKILL)
