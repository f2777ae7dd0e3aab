"""The imports with which a program begins. A process may make them before it knows its run.

The source is read, not run. The first other statement ends the list: later imports may depend on it.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from metasweep.forks.processes.program import Program
from metasweep.forks.reading import LIBRARIES, files_of, first_files, modules_of

MORE_LIBRARIES = frozenset({"accelerate", "datasets", "huggingface_hub", "hydra", "jax", "keras", "lightgbm"})
MORE_LIBRARIES |= {"lightning", "omegaconf", "pytorch_lightning", "rich", "seaborn", "tensorflow", "timm"}
MORE_LIBRARIES |= {"torchmetrics", "transformers", "typer", "xgboost"}
"""Libraries that may be imported even if no run follows: the import sends nothing, and changes nothing
outside of its process. (That of `mpi4py` does.)"""

Statement = tuple[str, int, str, int, str]
"""An import: its file, when that was changed (ns), the name of its module, the line, and the text."""


def leading_imports(program: Program) -> tuple[Statement, ...]:
    """Return the imports that a Python program makes before it does anything else, in their order."""
    folder = program.folder
    found: list[Statement] = []
    files = first_files(program)
    seen: set[Path] = set(files)
    for path in files:
        module = "__main__" if path == files[-1] else name_of(path, folder)
        if not follow(path, module, folder, found, seen):
            break
    return tuple(found)


def follow(path: Path, module: str, folder: Path, found: list[Statement], seen: set[Path]) -> bool:
    """Add the leading imports of a file to `found`; return whether the file does nothing else."""
    try:
        changed, tree = path.stat().st_mtime_ns, ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return False  # the run itself will say what is wrong
    for node in tree.body:
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Assign(targets=[ast.Name()], value=ast.Constant()):
                continue
            case ast.ImportFrom(module="__future__"):
                continue
            case ast.Import() | ast.ImportFrom():
                names = list(modules_of(node, path, folder))
                own = [file for name in names for file in files_of(folder, name)]
                if not own and names and all(is_known(name) for name in names):
                    found.append((str(path), changed, module, node.lineno, ast.unparse(node)))
                    continue
                if not all(files_of(folder, name) for name in names):
                    return False  # an unknown library, or own modules and libraries in one statement
                for file in [file for file in own if file not in seen]:
                    seen.add(file)
                    if not follow(file, name_of(file, folder), folder, found, seen):
                        return False
            case _:
                return False
    return True


def is_known(name: str) -> bool:
    """Return whether a module may be imported even if no run follows."""
    return name.partition(".")[0] in LIBRARIES | MORE_LIBRARIES | sys.stdlib_module_names


def name_of(path: Path, folder: Path) -> str:
    """Return the name by which a file of the program's folder is imported."""
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
