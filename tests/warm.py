"""Python commands in forks of a process that has imported what they need, which takes a new process 1 to 3 s.

A fork has what a user's process has: its own arguments, folder, environment, output and exit code.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTED = ("wandb", "wandb.apis.public", "sklearn.ensemble", "scipy.stats", "matplotlib.figure", "requests")
PACKAGES = ("metasweep.report", "metasweep.cluster", "metasweep.client", "metasweep.sweeps")


@functools.cache
def parent() -> subprocess.Popen[str]:
    """Start the process that forks: one for all tests of this process."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    process = subprocess.Popen(
        [sys.executable, __file__],
        cwd=ROOT,
        env=environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.communicate)  # it ends when its input does
    return process


def run(
    arguments: Sequence[str], cwd: Path, environ: dict[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENTS`: `-m` with a module, `-c` with a text, or a file."""
    process = parent()
    assert process.stdin
    assert process.stdout
    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, name) for name in ("stdout", "stderr")]
        order = {"arguments": arguments, "cwd": str(cwd), "environ": environ, "outputs": [*map(str, outputs)]}
        print(json.dumps(order), file=process.stdin, flush=True)
        pid = int(process.stdout.readline())
        too_late = threading.Timer(timeout, os.kill, (pid, signal.SIGKILL))
        too_late.start()
        code = int(process.stdout.readline())
        too_late.cancel()
        texts = [path.read_text() for path in outputs]
    return subprocess.CompletedProcess([sys.executable, *arguments], code, *texts)


def serve() -> list[str]:
    """Import; then fork for each order and wait for the fork to end. Return in the fork: its arguments."""
    before = dict(os.environ)
    for name in IMPORTED:
        importlib.import_module(name)
    for name in PACKAGES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            importlib.import_module(module.name)
    defaults = {name: value for name, value in os.environ.items() if name not in before}  # set by imports
    gc.freeze()  # else a fork spends half a second at its end on what it shares with its parent
    for line in sys.stdin:
        if (pid := os.fork()) == 0:
            order = json.loads(line)
            order["environ"] = defaults | order["environ"]
            return become(**order)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
    raise SystemExit


def become(arguments: list[str], cwd: str, environ: dict[str, str], outputs: list[str]) -> list[str]:
    """Take the folder, the environment and the output of an order."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environ)
    files = [os.open(os.devnull, os.O_RDONLY), *(os.open(path, os.O_WRONLY | os.O_CREAT) for path in outputs)]
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 (what was read ahead is the parent's)
    return arguments


def execute(arguments: list[str]) -> None:
    """Run what `python ARGUMENTS` runs."""
    how, *rest = arguments
    if how == "-m":
        sys.argv, sys.path[0] = rest, os.getcwd()  # noqa: PTH109
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif how == "-c":
        sys.argv, sys.path[0] = ["-c", *rest[1:]], ""
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(rest[0], vars(sys.modules["__main__"]))
    else:
        sys.argv, sys.path[0] = arguments, str(Path(how).parent)
        runpy.run_path(how, run_name="__main__")


if __name__ == "__main__":
    execute(serve())
