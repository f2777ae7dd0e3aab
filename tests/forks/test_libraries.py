"""The libraries that are imported before runs are forked: what they are then does not depend on chance."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

from metasweep.forks.reading import LIBRARIES

HERE = [name for name in sorted(LIBRARIES | {"requests"}) if importlib.util.find_spec(name)]
LOOK = """
import hashlib, importlib, os, sys, threading
for library in sys.argv[1:]: importlib.import_module(library)
plain = (int, float, str, bytes, bool, tuple, type(None))
def simple(value): return all(map(simple, value)) if isinstance(value, tuple) else isinstance(value, plain)
found = {}
for name, module in sorted(sys.modules.items()):
    for key, value in sorted(getattr(module, "__dict__", {}).items()):
        if not key.startswith("__") and simple(value): found[f"{name}.{key}"] = repr(value)
tasks = [open(f"/proc/self/task/{task}/comm").read().strip() for task in os.listdir("/proc/self/task")]
for name in tasks: print("thread", name)
for key, value in found.items(): print(key, hashlib.sha256(value.encode()).hexdigest()[:12])
"""
DIFFERING = (
    "_addr",  # where the system has loaded a library
    "torch._C._dynamo.guards._torchinductor_",  # the same
    "logging._startTime",  # set again in a fork
    "numpy.f2py.rules.generationtime",
    "_KEY",  # names by which a library finds its own values in this process
    "joblib._multiprocessing_helpers.name",  # of a semaphore that was tried and removed
)
"""Parts of the names of values that differ from process to process, and do not matter."""


def look() -> set[str]:
    """Import the libraries in a new process; return its threads, and its simple values by name."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK, *HERE],
        env=os.environ | {"PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.splitlines())


def test_their_imports_draw_nothing_and_start_nothing() -> None:
    first, second = look(), look()
    assert len(first) > 1000
    threads = [line for line in first if line.startswith("thread ")]
    assert threads == ["thread python"] or set(threads) == {"thread python", "thread jemalloc_bg_thd"}
    differing = [
        line for line in sorted(first ^ second) if not any(word in line.split()[0] for word in DIFFERING)
    ]
    assert differing == []
