"""Private names of CPython that a fork needs to begin and end like a new process.

No other file uses them. If a Python release lacks one, `missing_name` names it, and runs are not forked.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import io
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
    (weakref.finalize, "weakref.finalize._registered_with_atexit"),
    (threading, "threading._shutdown"),
)


def missing_name() -> str | None:
    """Return which private name this Python lacks; None if it has all."""
    names = (name for owner, name in DOORS if not hasattr(owner, name.rpartition(".")[2]))
    return next((f"this Python has no {name}" for name in names), None)


def forget_exit_handlers() -> None:
    """Forget the forkserver's exit handlers, such as those that remove its temporary directories.

    The exit handlers that every process has stay: the standard library does not register them again.
    """
    atexit._clear()
    inherited = list(weakref.finalize._registry)  # type: ignore[attr-defined]
    for finalizer in inherited:
        finalizer.atexit = False
    if inherited:  # made by an import, as the program's own import would have made them
        atexit.register(weakref.finalize._exitfunc)  # type: ignore[attr-defined]
    else:  # it is the program's first finalizer that registers it, in its turn
        weakref.finalize._registered_with_atexit = False  # type: ignore[attr-defined]
    if "logging" in sys.modules:
        atexit.register(logging.shutdown)
    if "multiprocessing.util" in sys.modules:
        atexit.register(sys.modules["multiprocessing.util"]._exit_function)


def reseed() -> None:
    """Give new random seeds to the libraries that have already drawn one; `random` does so by itself.

    numpy: only the legacy generator, since `default_rng` draws when it is created. torch: the CPU's
    generator; those of GPUs are seeded at the first use of a GPU, and no forkserver uses one.
    """
    if "logging" in sys.modules and hasattr(logging, "_startTime"):
        logging._startTime = time.time()  # `relativeCreated` counts from this time
    if numpy_random := sys.modules.get("numpy.random"):  # NumPy imports it at its first use
        numpy_random.seed()
    if torch := sys.modules.get("torch"):
        torch.default_generator.seed()


def run_exit_handlers() -> None:
    """Join the threads and call the functions registered with `atexit`.

    The interpreter does the same at its end.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()


def clear_modules(modules: Iterable[types.ModuleType]) -> None:
    """Clear modules as the interpreter does at its end.

    Files are flushed, and objects with a `__del__` are deleted.

    To clear the libraries too would take half a second, and their memory is freed anyway. The interpreter
    stops daemon threads at this point, but here they go on. One that uses a cleared name fails, silently.
    """
    threading.excepthook = lambda _: None
    for name in ("stdin", "stdout", "stderr"):  # the program's own streams are deleted, too
        setattr(sys, name, getattr(sys, f"__{name}__"))
    for module in modules:
        namespace = module.__dict__
        for private in (True, False):  # the order of CPython's `_PyModule_Clear`
            for name in [name for name in namespace if (name[:1] == "_" and name[1:2] != "_") == private]:
                if name != "__builtins__":
                    namespace[name] = None
    gc.collect()
    close_files()


def close_files() -> None:
    """Close the files that the program's libraries still hold, so that their buffers are written.

    Files of the forkserver are not found: they are frozen, and the collector lists no frozen objects.
    """
    standard = (sys.__stdin__, sys.__stdout__, sys.__stderr__)
    buffers = [stream.buffer for stream in standard if stream is not None and not stream.closed]
    found = [
        each
        for each in gc.get_objects()
        if isinstance(each, io.IOBase) and not isinstance(each, io.RawIOBase)
    ]
    layers = (io.TextIOBase, io.IOBase)  # a text file before the one that it writes to
    for layer in layers:
        for file in found:
            if isinstance(file, layer) and file not in standard and file not in buffers and not file.closed:
                with contextlib.suppress(OSError, ValueError):  # as the interpreter, which says nothing
                    file.close()
