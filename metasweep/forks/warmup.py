"""What the forkserver loads once, so that no run has to.

Nothing of the program itself runs here, except a package's `__init__` and its `warm_up(arguments)`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from metasweep.forks.program import Program

# jemalloc (in pyarrow, which pandas loads) stops its thread for a fork; the child does without it.
FORK_SAFE_THREADS = ("jemalloc_bg_thd",)
STANDARD = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))


def load(program: Program) -> Callable[[Sequence[str]], object] | None:
    """Import what the program will import; return its package's `warm_up`, if it offers one."""
    source, package = locate(program)
    if source and source.is_file():
        load_modules(imported_names(source))
    if not package:
        return None
    attempt(importlib.import_module, package)
    return getattr(sys.modules.get(package), "warm_up", None)


def locate(program: Program) -> tuple[Path | None, str | None]:
    """Return the program's source file and, for `-m PACKAGE`, the package."""
    if program.kind == "script":
        return Path(program.name), None
    package = program.name.rpartition(".")[0]
    try:
        spec = importlib.util.find_spec(program.name)
    except (ImportError, ValueError):
        return None, None
    if spec and spec.submodule_search_locations:
        return Path(spec.submodule_search_locations[0]) / "__main__.py", program.name
    return (Path(spec.origin), package or None) if spec and spec.origin else (None, None)


def imported_names(source: Path) -> list[str]:
    """Return the modules that a source file imports at its top level."""
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []  # the run itself will say what is wrong
    names = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.append(node.module)
    return names


def load_modules(names: Iterable[str]) -> None:
    """Import those of the modules that are installed libraries: other code may act when imported."""
    for name in names:
        if name not in sys.modules and is_library(name):
            with contextlib.suppress(
                ImportError
            ):  # missing, or to be had in another order: not for us to judge
                importlib.import_module(name)


def is_library(name: str) -> bool:
    """Whether a module belongs to the standard library or to an installed package."""
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
    """Return the standard library's folders and those of the path into which packages were installed.

    These may be the user's own, or folders that a cluster's modules have put on the path.
    """
    return STANDARD + tuple(entry for entry in sys.path if entry and any(Path(entry).glob("*.dist-info")))


def loaded_since(before: set[str]) -> list[str]:
    """Return the library modules that were imported after `before` was taken."""
    return [name for name in sys.modules if name not in before and is_library(name)]


def attempt(function: Callable, *arguments: object) -> None:
    """Call a function of somebody else; print what it raises: the run will meet the same and fail of it."""
    try:
        function(*arguments)
    except (Exception, SystemExit):  # noqa: BLE001
        traceback.print_exc()


def is_single_threaded() -> bool:
    """Whether this process may fork without losing a thread that matters."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    return sum(name not in FORK_SAFE_THREADS for name in names) == 1
