"""Whether a program would notice that its process was forked after its libraries were imported.

Its source is read, not run: its imports, and the few constructs that could notice. In doubt the answer is
yes.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from metasweep.forks.processes.program import Program

LIBRARIES = frozenset({"PIL", "click", "joblib", "matplotlib", "numpy", "pandas", "scipy", "sklearn"})
LIBRARIES |= {"torch", "torchvision", "tqdm", "wandb", "yaml"}
"""Libraries that are the same after import in every process of one environment: importing them starts no
thread and draws no random number, except from generators that `interpreter.reseed` knows.
tests/forks/test_libraries.py shows it for each.
"""
TELLING_MODULES = frozenset({"builtins", "ctypes", "importlib", "runpy", "site", "zipimport"})
TELLING_CALLS = frozenset({"__import__", "compile", "eval", "exec", "hash", "id"})
TELLING_NAMES = frozenset({"environ", "environb", "putenv", "unsetenv"})
SYSTEM = frozenset({"meta_path", "modules", "path", "path_hooks", "path_importer_cache"})
UNORDERED = frozenset({"set", "frozenset"})
ORDERLESS_USES = frozenset({"all", "any", "len", "max", "min", "set", "frozenset", "sorted", "sum"})
MOST_FILES = 500


@dataclass
class Reading:
    """What the source of a program says."""

    imports: list[str] = field(default_factory=list)
    """Modules of `LIBRARIES`, in the order of their imports."""
    doubt: str = ""
    """Why the program might notice: place and reason; empty if it cannot."""
    files: dict[str, int] = field(default_factory=dict)
    """The files that were read, and when each was last changed (ns)."""


def read(program: Program) -> Reading:
    """Read a program and all modules of its own that it imports."""
    found = Reading()
    folder = program.folder
    waiting = first_files(program)
    seen = set(waiting)
    if not waiting:
        found.doubt = f"the source of {program.name} is not in this folder"
    while waiting and not found.doubt:
        path = waiting.pop(0)
        for imported in read_file(path, folder, found):
            if imported not in seen:
                seen.add(imported)
                waiting.append(imported)
        if len(seen) > MOST_FILES:
            found.doubt = f"it has more than {MOST_FILES} files"
    return found


def first_files(program: Program) -> list[Path]:
    """Return the files that a Python program executes without importing them; empty if they are elsewhere."""
    is_module = program.kind == "module"
    return files_of(program.folder, program.name) if is_module else [Path(program.name).resolve()]


def files_of(folder: Path, module: str) -> list[Path]:
    """Return the files that importing a module of the program executes.

    Empty if the module is not the program's own.
    """
    found, here = [], folder
    parts = module.split(".")
    for depth, part in enumerate(parts):
        inner, single = here / part / "__init__.py", here / f"{part}.py"
        if inner.is_file():
            found.append(inner)
            here = here / part
            if depth == len(parts) - 1 and (here / "__main__.py").is_file():
                found.append(here / "__main__.py")
        elif single.is_file():
            return [*found, single]
        elif (here / part).is_dir() and any((here / part).glob("*.py")):
            here = here / part
        else:
            break
    return found


def read_file(path: Path, folder: Path, found: Reading) -> list[Path]:
    """Read one file of the program, add to `found`, and return the files that it imports."""
    try:
        found.files[str(path)] = path.stat().st_mtime_ns
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []  # the run itself will print what is wrong
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    own: list[Path] = []
    for node in ast.walk(tree):
        reason = tells(node, parents)
        for name in modules_of(node, path, folder):
            if files := files_of(folder, name):
                own += files
            elif name.partition(".")[0] in LIBRARIES:
                found.imports += [name] if name not in found.imports else []
            elif name.partition(".")[0] not in sys.stdlib_module_names - TELLING_MODULES:
                reason = reason or f"imports {name.partition('.')[0]}"
        if reason:
            found.doubt = f"{path.name}, line {getattr(node, 'lineno', 1)}, {reason}"
            return []
    return own


def modules_of(node: ast.AST, path: Path, folder: Path) -> Iterator[str]:
    """Yield the modules that a statement imports; an imported name may itself be a module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = path.parent
            for _ in range(node.level - 1):
                package = package.parent
            inside = package.relative_to(folder).parts if package.is_relative_to(folder) else ()
            base = ".".join([*inside, *([base] if base else [])])
        if base:
            yield base
        for alias in node.names:
            if files_of(folder, f"{base}.{alias.name}".lstrip(".")):
                yield f"{base}.{alias.name}".lstrip(".")


def tells(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> str:
    """Return by what a node could notice a fork; empty if it cannot."""
    match node:
        case ast.Attribute(value=ast.Name(id="sys"), attr=name) if name in SYSTEM:
            return f"uses sys.{name}"
        case ast.Attribute(attr=name) if name in TELLING_NAMES and not is_read(node, parents):
            return f"changes {name}"
        case ast.Call(func=ast.Name(id=name)) if name in TELLING_CALLS:
            return f"calls {name}()"
        case ast.Call(func=ast.Name(id=name)) if name in UNORDERED and not is_orderless(node, parents):
            return "may depend on the order of a set"
        case ast.Set() | ast.SetComp() if not is_orderless(node, parents):
            return "may depend on the order of a set"
        case ast.ImportFrom(module="os" | "sys", names=names) if any(
            alias.name in TELLING_NAMES | SYSTEM - {"path"} or (node.module == "sys" and alias.name == "path")
            for alias in names
        ):
            return f"imports from {node.module} what others may change"
        case ast.Import(names=names) if any(alias.name in ("os", "sys") and alias.asname for alias in names):
            return "renames os or sys"
    return ""


def is_read(node: ast.Attribute, parents: dict[ast.AST, ast.AST]) -> bool:
    """Return whether `os.environ` is only read here: an item, `get`, or `in`."""
    match parents.get(node):
        case ast.Subscript(ctx=ast.Load()) | ast.Attribute(attr="get") | ast.Compare():
            return node.attr == "environ"
    return False


def is_orderless(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Return whether the order of a set does not matter here.

    It does not where its members are counted, sorted or looked up.
    """
    match parents.get(node):
        case ast.Compare():
            return True
        case ast.Call(func=ast.Name(id=name)):
            return name in ORDERLESS_USES
        case ast.BinOp() as outer:
            return is_orderless(outer, parents)
    return False
