# ruff: noqa: PTH109, PTH118, PTH120, PTH123
"""Runs a program as `__main__` in this process, as `python SCRIPT` and `python -m MODULE` do.

It imports only what every new interpreter has loaded, so that the program finds the usual modules and no
others.
"""

from __future__ import annotations

import os
import sys

from metasweep.forks.processes import shared_service

TYPE_CHECKING = False  # importing it from `typing` would load that module
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any

Order = dict
"""What a process shall become: kind, name, arguments, words, environ, log; all plain values.

For a fork also `left`: the variables that imports made ahead of it have set, or removed (None).
"""


C_LONG_BITS = 64


class Exit:
    """The exit code of this process, known once its program has ended."""

    code = 0


def silent(*_arguments: object) -> None:
    """Print nothing: the exception was already printed."""


def become(order: Order, ended: int) -> None:
    """Make this the process of a run: set its environment, output and command line.

    wandb will use the shared service that the order names, if any.

    After all exit handlers of the program, the open wandb runs are finished and a byte is written to the file
    `ended`: then this process has nothing left to report.
    """
    redirect(order["log"])
    os.environ.clear()
    os.environ.update(order["environ"])
    sys.orig_argv[:] = order["words"]
    sys.argv[:] = [order["name"], *order["arguments"]]
    if order["service"]:
        shared_service.offer(order["service"])
    pid, atexit = os.getpid(), exit_handlers()

    def last() -> None:
        if os.getpid() == pid:  # only in this process, not in one that the program forks
            finish_wandb_runs()
            os.write(ended, b".")

    atexit.register(last)


def exit_handlers() -> ModuleType:
    """Return the module `atexit`, but leave it out of `sys.modules` as in a new interpreter."""
    known = "atexit" in sys.modules
    import atexit

    if not known:
        del sys.modules["atexit"]
    return atexit


def redirect(log: str) -> None:
    """Read from the null device, write to the log."""
    null = os.open(os.devnull, os.O_RDONLY)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    for source, fd in ((null, 0), (target, 1), (target, 2)):
        os.dup2(source, fd)
    os.close(null)
    os.close(target)


def finish_wandb_runs() -> None:
    """Finish the runs that the program left open. wandb does so only with a service of its own."""
    wandb = sys.modules.get("wandb")
    while run := wandb and (wandb.run or newest_run(wandb)):
        if getattr(run, "_wl", None) is not wandb.setup():  # after `wandb.teardown`
            run = attach(wandb, run.id)
        run.finish(exit_code=Exit.code)


def attach(wandb: ModuleType, run_id: str) -> Any:
    """Return a run that is open at the service; under another name in older clients.

    Raises: wandb.errors.UsageError, after ten seconds, if it is not open.
    """
    return (getattr(wandb, "attach", None) or wandb._attach)(run_id)


def newest_run(wandb: ModuleType) -> Any:
    """Return the newest open run beside the global one. Older clients have none."""
    if shared_service.VARIABLE not in os.environ:
        return None  # wandb has not asked for a service yet, so it has begun no run; do not set it up now
    return getattr(wandb.setup(), "most_recent_active_run", None)


def run(kind: str, name: str) -> None:
    """Run the script or the module; its folder is on the path.

    Print an exception as the interpreter would, and raise it.

    Let the exception reach the interpreter, which takes its exit code from it; it is not printed again.
    """
    try:
        run_module(name) if kind == "module" else run_script(name)
    except SystemExit as request:
        code = request.code if isinstance(request.code, int) else int(request.code is not None)
        Exit.code = code & 0xFF if code.bit_length() < C_LONG_BITS else 0xFF  # as CPython converts it
        raise
    except BaseException as error:
        Exit.code = 1
        error = error.with_traceback(own_part(error.__traceback__))
        show_exception(error)
        sys.excepthook = silent
        raise


def show_exception(error: BaseException) -> None:
    """Print what has ended the program, as the program wants it and, where that fails, as the interpreter."""
    try:
        sys.excepthook(type(error), error, error.__traceback__)
    except BaseException as fault:  # noqa: BLE001
        fault.__context__ = None
        fault = fault.with_traceback(own_part(fault.__traceback__))
        print("Error in sys.excepthook:", file=sys.stderr)
        sys.__excepthook__(type(fault), fault, fault.__traceback__)
        print("\nOriginal exception was:", file=sys.stderr)
        sys.__excepthook__(type(error), error, error.__traceback__)


def folder_of(kind: str, name: str) -> str:
    """Return the folder with which the module search path begins."""
    return os.getcwd() if kind == "module" else os.path.dirname(os.path.realpath(name))


def run_module(name: str) -> None:
    """Do what `python -m` does, with the same function."""
    import runpy

    runpy._run_module_as_main(name)  # type: ignore[attr-defined]


def run_script(name: str) -> None:
    """Do what `python SCRIPT` does."""
    namespace, path = name_main(name)
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        words = f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}"
        print(f"{sys.executable}: {words}", file=sys.stderr)
        raise SystemExit(2) from None
    exec(compile(source, path, "exec", dont_inherit=True), namespace)


def name_main(name: str) -> tuple[dict[str, Any], str]:
    """Make `__main__` that of a script; return its namespace and the path of the script."""
    path = os.path.join(os.getcwd(), name)
    loader = sys.modules["_frozen_importlib_external"].SourceFileLoader("__main__", path)
    namespace = sys.modules["__main__"].__dict__
    builtins = namespace["__builtins__"]
    namespace.clear()
    namespace.update(
        __name__="__main__",
        __doc__=None,
        __package__=None,
        __loader__=loader,
        __spec__=None,
        __annotations__={},
        __builtins__=builtins,
        __file__=path,
        __cached__=None,
    )
    return namespace, path


def put_first(folder: str) -> None:
    """Put a folder first on the module search path, unless the interpreter was told not to (`-P`)."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, folder)


def own_part(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames above the program."""
    while trace and trace.tb_frame.f_globals.get("__name__") == __name__:
        trace = trace.tb_next
    return trace


def forget_this_package() -> None:
    """Let the program import another package called `metasweep`."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "metasweep"]:
        del sys.modules[name]
