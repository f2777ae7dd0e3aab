"""Private names of CPython that a fork needs to begin and end like a new process.

No other file uses them. If a Python release lacks one, `missing_doors` names it, and runs are not forked.
"""

from __future__ import annotations

import atexit
import gc
import logging
import sys
import threading
import time
import types
import weakref
from collections.abc import Iterable

DOORS = (
    (atexit, "atexit._clear"),
    (atexit, "atexit._run_exitfuncs"),
    (weakref.finalize, "weakref.finalize._registry"),
    (weakref.finalize, "weakref.finalize._exitfunc"),
    (threading, "threading._shutdown"),
)


def missing_doors() -> str | None:
    """Return which private name this Python lacks; None if it has all."""
    names = (name for owner, name in DOORS if not hasattr(owner, name.rpartition(".")[2]))
    return next((f"this Python has no {name}" for name in names), None)


def forget_exit_handlers() -> None:
    """Forget the forkserver's exit handlers, such as those that remove its temporary directories.

    The exit handlers that every process has stay: the standard library does not register them again.
    """
    atexit._clear()
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        finalizer.atexit = False
    atexit.register(weakref.finalize._exitfunc)  # type: ignore[attr-defined]
    if "logging" in sys.modules:
        atexit.register(logging.shutdown)
    if "multiprocessing.util" in sys.modules:
        atexit.register(sys.modules["multiprocessing.util"]._exit_function)


def draw_anew() -> None:
    """Give new random seeds to the libraries that have already drawn one; `random` does so by itself.

    numpy: only the legacy generator, since `default_rng` draws when it is created. torch: the CPU's
    generator; those of GPUs are seeded at the first use of a GPU, and no forkserver uses one.
    """
    if "logging" in sys.modules and hasattr(logging, "_startTime"):
        logging._startTime = time.time()  # `relativeCreated` counts from this time
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def run_exit_handlers() -> None:
    """Join the threads and call the functions registered with `atexit`, as the interpreter does at its
    end.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()


def take_down(modules: Iterable[types.ModuleType]) -> None:
    """Clear modules as the interpreter does at its end: files are flushed, objects with a `__del__` are
    deleted.

    Clearing all modules would take half a second, mostly for libraries, whose memory is freed anyway.
    """
    for name in ("stdin", "stdout", "stderr"):  # also deletes what the program has put in their place
        setattr(sys, name, getattr(sys, f"__{name}__"))
    for module in modules:
        namespace = module.__dict__
        for private in (True, False):  # the order of CPython's `_PyModule_Clear`
            for name in [name for name in namespace if (name[:1] == "_" and name[1:2] != "_") == private]:
                if name != "__builtins__":
                    namespace[name] = None
    gc.collect()
