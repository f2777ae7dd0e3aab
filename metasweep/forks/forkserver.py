"""The forkserver: a single-threaded process that has loaded everything and forks a child for each run.

Started by `workers.pool`, which speaks to it over a socket. It stays in the agent's session, ends when the
agent's end of the socket closes, and takes every child with it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import json
import os
import platform
import selectors
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import NoReturn

from metasweep.forks import child, service, warmup
from metasweep.forks.messages import (
    Exited,
    Leave,
    Load,
    Signal,
    Start,
    Started,
)
from metasweep.forks.process import PARENT_DIED, die_with_parent, signal_group

NOT_STARTED = 126  # exit code of a run for which no process could be started, as a shell has it


@dataclass
class Child:
    """A running child."""

    start: Start
    libraries: int
    """A file in memory, where the child names what it had to import, when it ends by itself."""
    has_reported: bool = False
    """Whether the agent knows already: the process had nothing left to do but to end."""
    shares_service: bool = False
    stopped_for_good: bool = False
    told_to_go: bool = False
    stands_in_for: Child | None = None
    """The run that died without a word, whose end this child tells the server."""
    status: int = 0


@dataclass(frozen=True)
class Spare:
    """A child forked ahead: the next run finds its process standing by."""

    pid: int
    line: Connection
    """Where it is told what to become."""
    libraries: int


@dataclass
class Forkserver:
    """The state of the forkserver and the handlers of its messages."""

    agent: Connection
    environ: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    children: dict[int, Child] = field(default_factory=dict)
    service: service.Service | None = None
    warm_up: Callable[[Sequence[str]], object] | None = None
    spare: Spare | None = None
    has_started: bool = False
    leaving: bool = False

    def __post_init__(self) -> None:
        self.exits_reader, self.exits = os.pipe()
        self.wake_reader, self.wake_writer = os.pipe()
        os.set_blocking(self.wake_reader, False)
        os.set_blocking(self.wake_writer, False)
        signal.set_wakeup_fd(self.wake_writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(PARENT_DIED, lambda *_: self.die())

    def serve(self) -> None:
        """Answer the agent until it leaves or is gone."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.agent, selectors.EVENT_READ, self.read_message)
            selector.register(self.exits_reader, selectors.EVENT_READ, self.read_exits)
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
            case Signal():
                self.signal(message)
            case Leave():
                self.leave()

    def load(self, message: Load) -> None:
        """Load what the program needs, and start the wandb service beside it."""
        if not message.program.is_python:
            return
        warmup.load_modules(["wandb"])
        platform.platform(aliased=True)  # each run's wandb asks for it; the answer costs a process, once
        self.start_service()
        self.warm_up = warmup.load(message.program)

    def start(self, message: Start) -> None:
        """Fork the child that runs a program."""
        if self.warm_up and not message.companion:  # once, with the arguments of the first run
            warmup.attempt(self.warm_up, message.program.arguments)
            self.warm_up = None
            self.drop_spare()
        environ = self.environ | message.environ
        warm = message.program.is_python and warmup.is_single_threaded()
        if warm and self.service:
            environ[service.VARIABLE] = self.service.token
        if self.has_started:  # the packages are still those that this forkserver's first run listed
            environ.setdefault(service.SAVE_REQUIREMENTS, "false")
        self.has_started |= not message.companion
        try:
            pid, libraries = (warm and self.use_spare(message, environ)) or self.fork_for(
                message, environ, warm
            )
        except OSError as error:  # no memory, process or file is left: one run fails of it, not all
            with contextlib.suppress(OSError):  # perhaps no file is left for the log either
                Path(message.log).write_text(f"cannot start a process: {error.strerror}\n")
            self.tell(Exited(message.run_id, NOT_STARTED))
            return
        self.children[pid] = Child(message, libraries, shares_service=bool(warm and self.service))
        self.tell(Started(message.run_id, pid))
        if warm and not self.spare:
            with contextlib.suppress(OSError):  # the next run will say why, if it is still so
                self.fork_spare()

    def fork_for(self, message: Start, environ: dict[str, str], warm: bool) -> tuple[int, int]:
        """Fork a child for a run; return its process id and the file for its libraries."""
        libraries = os.memfd_create("libraries")
        exit_report = child.ExitReport(libraries, self.exits)
        with closed_on_error(libraries):
            run = functools.partial(child.become, message.program, environ, message.log, warm, exit_report)
            return self.fork(run), libraries

    def fork_spare(self) -> None:
        """Fork the child of the next run while there is time."""
        libraries = os.memfd_create("libraries")
        told, line = Pipe(duplex=False)

        def run() -> NoReturn:
            line.close()
            child.stand_by(told, child.ExitReport(libraries, self.exits))

        with closed_on_error(libraries):
            self.spare = Spare(self.fork(run), line, libraries)
        told.close()

    def use_spare(self, message: Start, environ: dict[str, str]) -> tuple[int, int] | None:
        """Let the spare child become a run, if it is still there; return as `fork_for` does."""
        if self.spare is None:
            return None
        pid, libraries = self.spare.pid, self.spare.libraries
        try:
            self.spare.line.send((message.program, environ, message.log))
        except ConnectionError:
            self.drop_spare()
            return None
        self.spare.line.close()
        self.spare = None
        return pid, libraries

    def drop_spare(self) -> None:
        """Let the spare child end: it does not know what the forkserver has learnt since."""
        if self.spare:
            self.spare.line.close()
            os.close(self.spare.libraries)
            self.spare = None

    def fork(self, run: Callable[[], NoReturn]) -> int:
        """Fork a child, which alone calls `run`; return its process id."""
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # the collector of a child does not touch, and so does not copy, our pages
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
        """In a child: close what belongs to the forkserver alone."""
        signal.set_wakeup_fd(-1)
        self.selector.close()
        for fd in self.private_files():
            os.close(fd)

    def private_files(self) -> list[int]:
        """Return the file descriptors that no child may keep."""
        files = [self.agent.fileno(), self.wake_reader, self.wake_writer, self.exits_reader]
        files += [self.spare.line.fileno()] if self.spare else []
        return files + (self.service.file_descriptors if self.service else [])

    def signal(self, message: Signal) -> None:
        """Pass a signal on: to the program itself, or, to kill, to all processes that it has started."""
        for pid, this in self.children.items():
            if this.start.run_id != message.run_id or this.stands_in_for:
                continue
            this.stopped_for_good |= message.for_good
            this.told_to_go |= not message.for_good
            if message.signum != signal.SIGKILL and this.start.program.is_python:
                os.kill(pid, message.signum)
            else:
                signal_group(pid, message.signum)

    def read_exits(self) -> None:
        """Report the runs whose process has nothing left to do but to end."""
        for pid, code in child.EXIT.iter_unpack(os.read(self.exits_reader, 512 * child.EXIT.size)):
            this = self.children.get(pid)
            if this and not this.has_reported:
                this.has_reported, this.status = True, code
                self.report(this)

    def reap(self) -> None:
        """Notice which children have ended."""
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
        """Act on the end of a child: report it, after telling the server where the run could not itself."""
        if self.service and pid == self.service.pid:
            worked, self.service = bool(self.service.token), None
            if worked and not self.leaving:
                self.start_service()
            return
        if self.spare and pid == self.spare.pid:
            self.drop_spare()
        this = self.children.pop(pid, None)
        if this is None:
            return
        signal_group(pid, signal.SIGKILL)  # what the program left behind
        if this.stands_in_for:
            self.report(this.stands_in_for)
            return
        libraries = os.pread(this.libraries, 1 << 20, 0)
        os.close(this.libraries)
        if this.has_reported:
            self.learn(libraries)
            return
        this.status = status
        if libraries:
            self.report(this)
            self.learn(libraries)
        elif self.service and this.shares_service and has_wandb_run(this.start, self.environ):
            self.report_dead_run(this)
        else:
            self.report(this)

    def learn(self, libraries: bytes) -> None:
        """Load what a run had to load by itself; the children to come will have it."""
        known = len(sys.modules)
        warmup.load_modules(json.loads(libraries))
        if len(sys.modules) > known and self.spare:
            self.drop_spare()
            if warmup.is_single_threaded():
                with contextlib.suppress(OSError):
                    self.fork_spare()

    def report_dead_run(self, dead: Child) -> None:
        """Tell the server, in a child, how a run ended that did not say it itself."""
        code = dead.status if dead.status >= 0 else 128 - dead.status
        told_to_go = dead.told_to_go or dead.status == -signal.SIGTERM  # by the agent or the batch system
        preempted = told_to_go and not dead.stopped_for_good
        assert self.service
        environ = dead.start.environ | {service.VARIABLE: self.service.token}

        def tell() -> NoReturn:
            child.redirect(dead.start.log)
            os.environ.update(environ)
            service.report_dead_run(dead.start.run_id, code or 1, preempted)
            os._exit(0)

        try:
            self.children[self.fork(tell)] = Child(dead.start, -1, stands_in_for=dead)
        except OSError:
            self.report(dead)

    def report(self, this: Child) -> None:
        """Tell the agent that a run's process is gone."""
        self.tell(Exited(this.start.run_id, this.status))

    def tell(self, message: Started | Exited) -> None:
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
        """Let the service send what it has; `serve` ends when it has ended."""
        self.leaving = True
        self.drop_spare()
        for pid, this in self.children.items():
            if this.start.companion:
                signal_group(pid, signal.SIGKILL)
        if self.service:
            self.service.leave()

    def die(self) -> NoReturn:
        """End at once, with every child."""
        for pid in [*self.children, *([self.spare.pid] if self.spare else [])]:
            signal_group(pid, signal.SIGKILL)
        atexit._run_exitfuncs()  # libraries remove their temporary directories
        os._exit(1)


@contextlib.contextmanager
def closed_on_error(fd: int) -> Iterator[None]:
    """Close a file descriptor when the block fails."""
    try:
        yield
    except OSError:
        os.close(fd)
        raise


def has_wandb_run(start: Start, environ: dict[str, str]) -> bool:
    """Whether the run got as far as `wandb.init`, which makes a folder."""
    folder = Path((environ | start.environ).get("WANDB_DIR", ".")) / "wandb"
    return folder.is_dir() and any(
        entry.name.startswith("run-") and entry.name.endswith(f"-{start.run_id}")
        for entry in folder.iterdir()
    )


def main(socket: int, parent: int) -> None:
    """Serve the agent, process `parent`, on the inherited socket."""
    die_with_parent(PARENT_DIED, parent)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_IGN)  # the agent tells the runs; they go first
    gc.disable()
    Forkserver(Connection(socket)).serve()
