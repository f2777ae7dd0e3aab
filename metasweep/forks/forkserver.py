"""The forkserver: a single-threaded process that starts a child for each run, in the way that `ways` chose.

`pool` starts it and speaks to it over a socket. It stays in the agent's session. When the agent's end of the
socket closes, it ends and takes every child with it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import selectors
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from metasweep.forks import turns
from metasweep.forks.children import (
    Child,
    has_finished_wandb_run,
    has_wandb_run,
    open_gate,
)
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
from metasweep.forks.processes import child, early_imports
from metasweep.forks.processes.process import PARENT_DIED, die_with_parent, signal_group
from metasweep.forks.services import dead_runs, service
from metasweep.forks.starting import Starter
from metasweep.forks.ways import Way

NOT_STARTED = 126  # exit code of a run whose process could not be started, as in a shell
MOST_SPARES = 8  # spare processes; more than eight runs rarely start at the same time


@dataclass
class Forkserver:
    """The state of the forkserver and the handlers of its messages."""

    agent: Connection
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    children: dict[int, Child] = field(default_factory=dict)
    service: service.Service | None = None
    leaving: bool = False

    def __post_init__(self) -> None:
        self.notes_reader, self.notes = os.pipe()
        self.wake_reader, self.wake_writer = os.pipe()
        self.starter = Starter(self.fork, self.notes, self.environ, lambda text: self.tell(Note(text)))
        os.set_blocking(self.wake_reader, False)
        os.set_blocking(self.wake_writer, False)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(PARENT_DIED, lambda *_: self.die())

    def serve(self) -> None:
        """Answer the agent until it leaves or has died."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.agent, selectors.EVENT_READ, self.read_message)
            selector.register(self.notes_reader, selectors.EVENT_READ, self.read_notes)
            selector.register(self.wake_reader, selectors.EVENT_READ, self.reap)
            self.selector = selector
            while not (self.leaving and self.service is None and not self.children):
                for key, _ in selector.select():
                    key.data()

    def read_message(self) -> None:
        """Read one message and act on it."""
        try:
            message = self.agent.recv()
        except (EOFError, ConnectionError):
            self.die()
        match message:
            case Load():
                self.load(message)
            case Start():
                self.start(message)
            case Go():
                self.go(message)
            case Signal():
                self.signal(message)
            case Leave():
                self.leave()

    # --- what runs need

    def load(self, message: Load) -> None:
        """Start the wandb service that the runs share. If runs are forked, import what they need."""
        starter = self.starter
        starter.load(message)
        if starter.way is Way.COLD:
            return
        self.start_service()
        if starter.way is Way.FORK:
            starter.prepare_to_fork(message)
        if starter.way is Way.AHEAD and self.service:
            self.add_spare()

    # --- a run begins

    def start(self, message: Start) -> None:
        """Start the child that runs a program."""
        self.starter.warm(message)
        way = self.starter.way_for(message)
        shares = way is not Way.COLD and self.service is not None
        try:
            token = self.service.token if shares and self.service else ""
            pid, ended, gate = self.starter.start(message, way, token)
        except OSError as error:  # no memory, process or file is left: this run fails, but the others go on
            with contextlib.suppress(OSError):  # there may be no file left for the log either
                Path(message.log).write_text(f"cannot start a process: {error.strerror}\n")
            self.tell(Exited(message.run_id, NOT_STARTED))
            return
        held = gate is not None
        self.children[pid] = Child(message, ended, shares_service=shares, gate=gate, is_beginning=held)
        self.tell(Started(message.run_id, pid))
        if way is self.starter.way is not Way.COLD:
            with contextlib.suppress(OSError):  # if it happens again, the next run will say so
                self.add_spare()

    def add_spare(self) -> None:
        """Start a spare child while there is time: one for each running run."""
        runs = sum(not this.start.companion and not this.stands_in_for for this in self.children.values())
        if len(self.starter.spares.waiting) < (
            1 if self.starter.way is Way.FORK else min(max(1, runs), MOST_SPARES)
        ):
            self.starter.spares.add(self.starter.way)

    # --- processes

    def fork(self, run: Callable[[], NoReturn]) -> int:
        """Fork a child that calls `run`; return its process id."""
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # so the child's garbage collector does not touch, and so copy, our memory pages
        parent = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            die_with_parent(signal.SIGKILL, parent)
            os.setpgid(0, 0)
            self.forget()
            run()
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
        finally:
            os._exit(1)

    def forget(self) -> None:
        """In a child: close the files of the forkserver."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for fd in self.private_files():
            os.close(fd)

    def private_files(self) -> list[int]:
        """Return the file descriptors that no child may keep open."""
        files = [self.agent.fileno(), self.wake_reader, self.wake_writer, self.notes_reader]
        files += self.starter.spares.pipes
        files += [this.gate for this in self.children.values() if this.gate is not None]
        return files + (self.service.file_descriptors if self.service else [])

    # --- messages about a running run

    def signal(self, message: Signal) -> None:
        """Pass a signal on to the program itself. SIGKILL goes to all processes that it has started, too."""
        for pid, this in self.children.items():
            if this.start.run_id != message.run_id or this.stands_in_for:
                continue
            this.stopped_for_good |= message.for_good
            this.told_to_end |= not message.for_good
            if this.is_beginning and message.signum == signal.SIGTERM:
                # it gets the signal soon, after the server knows the run: then the server can offer it again
                continue
            if message.signum != signal.SIGKILL and this.start.program.is_python:
                os.kill(pid, message.signum)
            else:
                signal_group(pid, message.signum)
            open_gate(this)  # a program with its own signal handler must be able to continue

    def go(self, message: Go) -> None:
        """Let a held run continue."""
        for this in self.children.values():
            if this.start.run_id == message.run_id:
                open_gate(this)

    # --- a run ends

    def read_notes(self) -> None:
        """Tell the agent how far held runs are, and report runs whose process only has to exit."""
        for pid, what, code in child.NOTE.iter_unpack(os.read(self.notes_reader, 256 * child.NOTE.size)):
            this = self.children.get(pid)
            if what == early_imports.UNFIT:
                self.starter.start_without_imports()
                continue
            if this and what == turns.READY:
                this.is_beginning = False
                if this.told_to_end or this.stopped_for_good:
                    os.kill(pid, signal.SIGTERM)
                    open_gate(this)
            if this and what != turns.ENDED:
                self.tell(Reached(this.start.run_id, what))
            elif this and not this.has_reported:
                this.has_reported, this.status = True, code
                said = os.pread(this.ended, 1, 0)
                self.report(this, True if said and has_wandb_run(this.start, self.environ) else None)

    def reap(self) -> None:
        """Find the children that have ended."""
        os.read(self.wake_reader, 4096)
        while True:
            try:
                pid, wait_status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.note_end(pid, os.waitstatus_to_exitcode(wait_status))

    def note_end(self, pid: int, status: int) -> None:
        """Handle the end of a child: of the service, of a spare child, or of a run."""
        if self.service and pid == self.service.pid:
            worked = bool(self.service.token)
            self.service.close()
            self.service = None
            if worked and not self.leaving:
                self.start_service()
            return
        self.starter.spares.forget(pid)
        this = self.children.pop(pid, None)
        if this is None:
            return
        open_gate(this)
        if this.stands_in_for:
            unreported = status not in (dead_runs.REPORTED, dead_runs.NOT_OPEN)
            self.report(this.stands_in_for, False if status == dead_runs.REPORTED else None, unreported)
        else:
            self.note_run_end(this, pid, status)

    def note_run_end(self, this: Child, pid: int, status: int) -> None:
        """Report the end of a run's process. First tell the server, if the run could not do so."""
        said = os.pread(this.ended, 1 << 20, 0) if this.ended >= 0 else b""
        if this.ended >= 0:
            os.close(this.ended)
        if status or this.told_to_end or this.stopped_for_good:
            # also the processes that it started; those of a run that ended well may continue
            signal_group(pid, signal.SIGKILL)
        if this.has_reported:
            self.learn(said[1:])
            return
        this.status = status
        began = has_wandb_run(this.start, self.environ)
        # A run that a signal has ended may have been about to finish.
        finished = status >= 0 and has_finished_wandb_run(this.start, self.environ)
        is_open = began and not said and not finished
        if self.service and this.shares_service and is_open:
            self.report_dead_run(this)
        else:
            self.report(this, True if said and began else None)
            self.learn(said[1:])

    def learn(self, libraries: bytes) -> None:
        """Import what a fork had to import by itself, for the children that follow."""
        if self.starter.learn(libraries):
            with contextlib.suppress(OSError):
                self.add_spare()

    def report_dead_run(self, dead: Child) -> None:
        """Tell the server, in a child, how a run ended that could not tell it itself."""
        assert self.service
        token = self.service.token
        try:
            pid = self.fork(lambda: dead_runs.tell_server(dead, token))
        except OSError:
            self.report(dead)
            return
        self.children[pid] = Child(dead.start, -1, stands_in_for=dead)

    def report(self, this: Child, finished: bool | None = None, unreported: bool = False) -> None:
        """Tell the agent that a run's process has ended."""
        self.tell(Exited(this.start.run_id, this.status, finished, unreported=unreported))

    # --- the agent and the service

    def tell(self, message: Started | Reached | Exited | Note) -> None:
        """Send a message to the agent."""
        try:
            self.agent.send(message)
        except ConnectionError:
            self.die()

    def start_service(self) -> None:
        """Start the wandb service that the runs share."""
        if "wandb" in sys.modules:
            selector = [self.selector.fileno()]
            self.service = service.Service(self.private_files() + selector)

    def leave(self) -> None:
        """Let the service send what it still has. `serve` ends when the service has ended."""
        self.leaving = True
        self.starter.spares.drop()
        for pid, this in self.children.items():
            if this.start.companion:
                signal_group(pid, signal.SIGKILL)
        if self.service:
            self.service.leave()

    def die(self) -> NoReturn:
        """Kill every child and end at once."""
        for pid in [*self.children, *(spare.pid for spare in self.starter.spares.waiting)]:
            signal_group(pid, signal.SIGKILL)
        atexit._run_exitfuncs()  # libraries remove their temporary directories
        os._exit(1)


def main(socket: int, parent: int) -> None:
    """Serve the agent, process `parent`, on the inherited socket."""
    die_with_parent(PARENT_DIED, parent)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # the agent signals the runs; the forkserver must outlive them
    gc.disable()
    Forkserver(Connection(socket)).serve()
