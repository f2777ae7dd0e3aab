"""What CPython keeps behind private names, and a fork needs to begin and to end as a new process does.

The only place that touches them. Where a release lacks one, `missing_doors` says so, and runs are not forked.
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
    """Return what this Python lacks of the private names, if anything."""
    names = (name for owner, name in DOORS if not hasattr(owner, name.rpartition(".")[2]))
    return next((f"this Python has no {name}" for name in names), None)


def forget_exit_handlers() -> None:
    """Forget what the forkserver will do at its exit, such as removing its temporary directories.

    What the standard library does at the exit of any process stays; it does not register twice by itself.
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
    """Have the libraries that have drawn a seed already draw another; `random` does so by itself.

    numpy: the legacy generator only, since `default_rng` draws when it is made. torch: the generator of the
    CPU; those of GPUs are seeded when a GPU is first used, which no forkserver does.
    """
    if "logging" in sys.modules and hasattr(logging, "_startTime"):
        logging._startTime = time.time()  # from which `relativeCreated` counts
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def run_exit_handlers() -> None:
    """Join the threads and call what was registered with `atexit`, as the interpreter does at its end."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()


def take_down(modules: Iterable[types.ModuleType]) -> None:
    """Clear modules as the interpreter does at its end: files are flushed, what has a `__del__` is deleted.

    All modules would take half a second, libraries being most of it: of those the memory is freed anyway.
    """
    for name in ("stdin", "stdout", "stderr"):  # what the program has put in their place is deleted, too
        setattr(sys, name, getattr(sys, f"__{name}__"))
    for module in modules:
        namespace = module.__dict__
        for private in (True, False):  # the order of CPython's `_PyModule_Clear`
            for name in [name for name in namespace if (name[:1] == "_" and name[1:2] != "_") == private]:
                if name != "__builtins__":
                    namespace[name] = None
    gc.collect()
