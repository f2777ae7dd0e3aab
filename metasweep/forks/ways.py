"""How the processes of runs are started, and why. docs/your-program.md says what each way promises."""

from __future__ import annotations

import ast
import enum
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from metasweep.forks import reading
from metasweep.forks.leading_imports import Statement, leading_imports
from metasweep.forks.processes import interpreter
from metasweep.forks.processes.program import Program

WARM_UP = "warm_up"


class Way(enum.Enum):
    """How a run gets its process."""

    FORK = "fork"
    """Forked from a process that has imported the program's package, if that has a `warm_up`, or its
    libraries.
    """
    AHEAD = "ahead"
    """A new interpreter, started while the runs before it still run."""
    COLD = "cold"
    """A new process, started when its run begins, with nothing of ours in it."""


@dataclass(frozen=True)
class Choice:
    """A way, and the reason for it in a sentence."""

    way: Way
    reason: str
    imports: tuple[str, ...] = ()
    """What to import before runs are forked."""
    early_imports: tuple[Statement, ...] = ()
    """The imports that a process started ahead of its run makes meanwhile."""
    read: Mapping[str, int] = field(default_factory=dict)
    """The files on which the choice of a fork rests, and when each was last changed (ns)."""


def choose(program: Program, cold: bool = False) -> Choice:
    """Return the way for a program; `cold` is the user's --cold."""
    if cold:
        return Choice(Way.COLD, "each run gets a new process, as --cold asks")
    if not program.is_python:
        return Choice(
            Way.COLD, f"each run gets a new process: {program.name} is no module or .py file of this Python"
        )
    package = package_of(program)
    warms_up = package is not None and offers_warm_up(package)
    found = reading.Reading() if warms_up else reading.read(program)
    doubt = found.doubt or interpreter.missing_name()
    first = leading_imports(program)
    if doubt:
        return Choice(Way.AHEAD, f"each run gets a new process, started ahead of it: {doubt}", (), first)
    if package and warms_up:
        reason = f"runs are forked from a process that has imported {package}: it has a {WARM_UP}()"
        return Choice(Way.FORK, reason, (package,), first)
    tops = ", ".join(sorted({name.partition(".")[0] for name in (*found.imports, "wandb")}))
    reason = f"runs are forked from a process that has imported {tops}"
    return Choice(Way.FORK, reason, tuple(found.imports), first, found.files)


def package_of(program: Program) -> str | None:
    """Return the package of a program started with `-m PACKAGE` or `-m PACKAGE.MODULE`; None for others."""
    if program.kind != "module":
        return None
    return program.name.rpartition(".")[0] or program.name


def offers_warm_up(package: str) -> bool:
    """Return whether the package's `__init__` has a function `warm_up`. The file is read, not run."""
    source = source_of(package)
    if source is None:
        return False
    try:
        tree = ast.parse(source.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False  # the run itself will print what is wrong
    return any(isinstance(node, ast.FunctionDef) and node.name == WARM_UP for node in tree.body)


def source_of(package: str) -> Path | None:
    """Return the `__init__.py` of a package in the current folder or on the path; imports nothing."""
    own = Path(*package.split("."), "__init__.py")
    if own.is_file():
        return own
    if "." in package or Path(f"{package}.py").is_file():
        return None  # finding it would import its parent packages; or it is a module, and not installed
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith("__init__.py") else None
