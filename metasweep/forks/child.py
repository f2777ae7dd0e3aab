"""How a fork of the forkserver becomes as good as a new process, and how it ends as one."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import gc
import json
import logging
import os
import runpy
import signal
import struct
import sys
import threading
import traceback
import weakref
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import NoReturn

from metasweep.forks import warmup
from metasweep.forks.process import PARENT_DIED
from metasweep.forks.program import Program

EXIT = struct.Struct("ii")
"""What a process writes when it is about to end: its id and its exit code."""


@dataclass(frozen=True)
class ExitReport:
    """Where a program that ends by itself says so: two file descriptors."""

    libraries: int
    """A file in memory, for the names of the libraries that it had to import."""
    exits: int
    """A pipe that all runs share, for one `EXIT`: the memory of a process takes a while to be freed."""


def stand_by(line: Connection, exit_report: ExitReport) -> NoReturn:
    """Wait, in a process forked ahead of its run, to be told what to become; end if the line closes."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        program, environ, log = line.recv()
    except EOFError:
        os._exit(0)
    line.close()
    become(program, environ, log, True, exit_report)


def become(
    program: Program, environ: dict[str, str], log: str, warm: bool, exit_report: ExitReport
) -> NoReturn:
    """Run a program in this forked process and end it.

    `warm` runs it in this interpreter, otherwise it is executed anew.
    """
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, PARENT_DIED):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    redirect(log)
    os.environ.clear()
    os.environ.update(environ)
    if not warm:
        execute(program)
    before = set(sys.modules)
    code = run(program)
    leave(code, before, exit_report)


def redirect(log: str) -> None:
    """Read from nothing, write to the log."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.dup2(target, 1)
    os.dup2(target, 2)
    os.close(target)


def execute(program: Program) -> NoReturn:
    """Replace this process by a new one."""
    words = program.words
    try:
        os.execvp(words[0], words)
    except OSError as error:
        print(f"cannot run {words[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def run(program: Program) -> int:
    """Run a Python program as `__main__`; return the exit code that the interpreter would give it."""
    own_exit_handlers()
    faulthandler.enable()
    gc.enable()
    if "numpy" in sys.modules:  # a new process would draw its own numbers; `random` does so by itself
        sys.modules["numpy"].random.seed()
    for name in [name for name in sys.modules if name.partition(".")[0] == "metasweep"]:
        del sys.modules[name]  # the program may have a package of this name
    sys.argv = [program.name, *program.arguments]
    try:
        if program.kind == "module":
            sys.path[0] = str(Path.cwd())
            runpy.run_module(program.name, run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = str(Path(program.name).resolve().parent)
            runpy.run_path(program.name, run_name="__main__")
    except SystemExit as request:
        return exit_code(request)
    except BaseException as error:  # noqa: BLE001
        error = error.with_traceback(own_part(error.__traceback__))
        sys.excepthook(type(error), error, error.__traceback__)
        return 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    return 0


def own_exit_handlers() -> None:
    """Forget what the forkserver will do at its exit, such as removing its temporary directories.

    What the standard library does at the exit of any process stays; it does not register twice by itself.
    """
    atexit._clear()
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False
    atexit.register(weakref.finalize._exitfunc)  # type: ignore[attr-defined]
    atexit.register(logging.shutdown)
    if "multiprocessing.util" in sys.modules:
        atexit.register(sys.modules["multiprocessing.util"]._exit_function)


def exit_code(request: SystemExit) -> int:
    """Return the code of a SystemExit, printing its message if it is one."""
    if request.code is None:
        return 0
    if isinstance(request.code, int):
        return request.code & 0xFF
    print(request.code, file=sys.stderr)
    return 1


def own_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of the forkserver and of runpy."""
    while trace and trace.tb_frame.f_globals.get("__name__") in (__name__, "runpy"):
        trace = trace.tb_next
    return trace


def leave(code: int, before: set[str], exit_report: ExitReport) -> NoReturn:
    """End as an interpreter does, but for taking down modules one by one, which takes half a second."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        finish_wandb_runs(code)
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(exit_report.libraries, json.dumps(warmup.loaded_since(before)).encode())
        if not holds_gpu():
            os.write(exit_report.exits, EXIT.pack(os.getpid(), code))
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        code = code or 1
    finally:
        os._exit(code)


def holds_gpu() -> bool:
    """Whether this process has a GPU open, whose memory is free for others only when it is gone."""
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            if str(entry.readlink()).startswith("/dev/nvidia"):
                return True
    return False


def finish_wandb_runs(code: int) -> None:
    """Finish the runs that the program left open; wandb itself does so only with a service of its own."""
    wandb = sys.modules.get("wandb")
    while wandb and wandb.run:
        wandb.finish(exit_code=code)
