"""How a fork of the forkserver starts and ends like a new process."""

from __future__ import annotations

import gc
import json
import marshal
import os
import signal
import struct
import sys
import traceback
from dataclasses import dataclass
from typing import NoReturn

from metasweep.forks import turns, warmup
from metasweep.forks.processes import ahead, command_line, interpreter, main_module
from metasweep.forks.processes.early_imports import touches_gpu
from metasweep.forks.processes.main_module import Order
from metasweep.forks.processes.process import PARENT_DIED

NOTE = struct.Struct("iii")
"""What a process reports of itself: its id, one of the constants of `turns`, and its exit code if it ends."""


@dataclass(frozen=True)
class ExitReport:
    """Where a program that ends by itself reports it: two file descriptors."""

    ended: int
    """A file in memory. It is empty until the program has ended, see `main_module.become`."""
    notes: int
    """A pipe that all runs share, one `NOTE` each.

    It tells the end early: freeing a process's memory takes a while.
    """

    def write(self, what: int, code: int = 0) -> None:
        """Report how far this process is."""
        os.write(self.notes, NOTE.pack(os.getpid(), what, code))


def stand_by(line: int, gate: int, exit_report: ExitReport) -> NoReturn:
    """In a process that was forked early: wait until it is told its program. End if the line closes.

    A held run waits, after it has begun, until something can be read from `gate`.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    told = ahead.read_all(line)
    if not told:
        os._exit(0)
    report = ExitReport(ahead.move_up(exit_report.ended), ahead.move_up(exit_report.notes))
    become(marshal.loads(told), gate, report)


def become(order: Order, gate: int, exit_report: ExitReport) -> NoReturn:
    """Run a program in this forked process, and end it."""
    default_signals()
    interpreter.forget_exit_handlers()
    main_module.become(order, exit_report.ended)
    command_line.show(order["words"], order["environ"])
    take_over(order["left"])
    gc.enable()
    interpreter.reseed()
    if order["held"]:
        turns.take_turns(gate, exit_report.write)
    else:
        os.close(gate)
    before, pid = set(sys.modules), os.getpid()
    main_module.forget_this_package()
    interrupted = False
    try:
        main_module.run(order["kind"], order["name"])
    except SystemExit as request:
        if isinstance(request.code, str) or (request.code is not None and not isinstance(request.code, int)):
            print(request.code, file=sys.stderr)
    except KeyboardInterrupt:
        interrupted = True
    except BaseException:  # noqa: BLE001, S110 - it has been printed
        pass
    interpreter.run_exit_handlers()
    flush()
    if os.getpid() == pid:
        leave(before, exit_report, interrupted)
    os._exit(main_module.Exit.code)  # this is a process that the program has forked


def take_over(left: dict[str, str | None]) -> None:
    """Set the variables that imports made ahead have set, and remove those that they have removed."""
    for name, value in left.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def default_signals() -> None:
    """Handle signals as a new interpreter does."""
    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, PARENT_DIED):
        signal.signal(signum, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def execute(words: list[str], environ: dict[str, str]) -> NoReturn:
    """Replace this process by a new one."""
    default_signals()
    try:
        os.execvpe(words[0], words, environ)
    except OSError as error:
        print(f"cannot run {words[0]}: {error.strerror}", file=sys.stderr, flush=True)
        os._exit(127)


def leave(before: set[str], exit_report: ExitReport, interrupted: bool) -> NoReturn:
    """Clean up what belongs to the program, report that this process has ended, and end."""
    try:
        new = [name for name in sys.modules if name not in before]
        libraries = [name for name in new if warmup.is_library(name)]
        os.write(exit_report.ended, json.dumps(libraries).encode())
        own = [sys.modules[name] for name in new if name not in libraries]
        interpreter.clear_modules([sys.modules["__main__"], *own])
        flush()
        if interrupted:  # the interpreter ends in the same way
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        if not touches_gpu():
            exit_report.write(turns.ENDED, main_module.Exit.code)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        main_module.Exit.code = main_module.Exit.code or 1
    finally:
        os._exit(main_module.Exit.code)


def flush() -> None:
    """Write the buffers of the standard streams."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
