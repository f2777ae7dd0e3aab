"""What the forkserver imports once if runs are forked: a package with a `warm_up`, or known libraries."""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

# jemalloc (in pyarrow, which pandas imports) stops its thread for a fork; the child works without it.
FORK_SAFE_THREADS = ("jemalloc_bg_thd",)
STANDARD = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))


def load(names: Iterable[str]) -> Callable[[Sequence[str]], object] | None:
    """Import libraries, or the program's package. Return its `warm_up` if it has one."""
    warm_up = None
    for name in names:
        attempt(importlib.import_module, name)
        if not is_library(name):
            warm_up = getattr(sys.modules.get(name), "warm_up", None)
    return warm_up


def shadowed(folder: Path) -> str | None:
    """Return a loaded module that `folder`, first on the path of runs, would replace by its own."""
    own = {path.stem for path in folder.glob("*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    loaded = {name.partition(".")[0] for name in sys.modules if is_library(name)}
    return next(iter(sorted((own & loaded) - {"__main__"})), None)


def own_files(folder: Path) -> dict[str, int]:
    """Return the files of loaded modules in the program's folder, and when each was last changed (ns)."""
    names = [name for name in sys.modules if name.partition(".")[0] != "metasweep" and not is_library(name)]
    files = [getattr(sys.modules[name], "__file__", None) for name in names]
    return {
        file: Path(file).stat().st_mtime_ns
        for file in files
        if file and Path(file).is_relative_to(folder) and Path(file).is_file()
    }


def was_changed(files: Mapping[str, int]) -> bool:
    """Return whether one of the files is not what it was."""
    try:
        return any(Path(file).stat().st_mtime_ns != changed for file, changed in files.items())
    except OSError:
        return True


def load_modules(names: Iterable[str]) -> None:
    """Import what a run had to import: standard modules, and parts of libraries that are already loaded.

    Other libraries may depend on what the program does before it imports them, such as setting a variable.
    """
    for name in names:
        top = name.partition(".")[0]
        if (
            name not in sys.modules
            and (top in sys.modules or top in sys.stdlib_module_names)
            and is_library(name)
        ):
            with contextlib.suppress(ImportError):  # missing, or importable only in another order
                importlib.import_module(name)


def is_library(name: str) -> bool:
    """Return whether a module belongs to the standard library or to an installed package."""
    top = name.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None or top == "__main__":
        return False
    origin = spec.origin or next(iter(spec.submodule_search_locations or ()), "")
    return origin in ("built-in", "frozen") or origin.startswith(library_folders())


@functools.cache
def library_folders() -> tuple[str, ...]:
    """Return the folders of the standard library and all folders of the path with installed packages.

    Packages may be in the user's own folders, or in folders that a cluster's environment modules add.
    """
    return STANDARD + tuple(entry for entry in sys.path if entry and any(Path(entry).glob("*.dist-info")))


def attempt(function: Callable, *arguments: object) -> None:
    """Call a function of the user's program, and print what it raises: the run will fail in the same way."""
    try:
        function(*arguments)
    except (Exception, SystemExit):  # noqa: BLE001
        traceback.print_exc()


def is_single_threaded() -> bool:
    """Return whether this process may fork without losing an important thread."""
    names = [name_of(task) for task in Path("/proc/self/task").iterdir()]
    return sum(name not in FORK_SAFE_THREADS for name in names if name) == 1


def name_of(task: Path) -> str:
    """Return the name of a thread; empty if it has ended meanwhile."""
    try:
        return (task / "comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
