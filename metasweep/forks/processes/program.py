"""What a command line starts: a Python module, a Python script, or anything else."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = str(Path(__file__).resolve().parents[3])
"""The folder of this package: processes that are to become programs begin with it on their path."""
FLAGS = re.compile(r"-[bBdEIOPqsu]+")
"""Interpreter options that a process can have before its program is known. Others print of all imports (`-v`,
`-X importtime`), lose the installed packages (`-S`), or have a value.
"""


@dataclass(frozen=True)
class Program:
    """A command, and how to run it."""

    kind: Literal["module", "script", "command"]
    name: str
    """The module, the path of the script, or what else is started."""
    arguments: tuple[str, ...]
    words: tuple[str, ...]
    """The whole command line, to start a new process with."""
    interpreter: tuple[str, ...] = ()
    """For Python: the words before the program, that is, the interpreter and its options."""

    @property
    def folder(self) -> Path:
        """For Python: the folder that comes first on its module search path."""
        return Path.cwd() if self.kind == "module" else Path(self.name).resolve().parent

    @property
    def is_python(self) -> bool:
        """Return whether a process of this interpreter can run it."""
        return self.kind != "command"


def parse(words: Sequence[str]) -> Program:
    """Recognise `[/usr/bin/env] PYTHON [FLAGS] (-m MODULE | SCRIPT) ARGUMENTS`, if PYTHON is ours."""
    rest = list(words[1:] if words[:1] == ["/usr/bin/env"] else words)
    if rest and is_this_python(rest[0]):
        begin = next((i for i, word in enumerate(rest) if i and not FLAGS.fullmatch(word)), len(rest))
        interpreter, (head, *arguments) = tuple(rest[:begin]), rest[begin:] or [""]
        if head == "-m" and arguments:
            return Program("module", arguments[0], tuple(arguments[1:]), tuple(rest), interpreter)
        if head.endswith(".py") and not Path(head).is_dir():
            return Program("script", head, tuple(arguments), tuple(rest), interpreter)
        return Program("command", f"python {head}", tuple(words[1:]), tuple(words))
    named = rest and not rest[0].startswith("-") and "=" not in rest[0]  # env has options and assignments
    return Program("command", rest[0] if named else words[0], tuple(words[1:]), tuple(words))


def is_this_python(word: str) -> bool:
    """Return whether a word names the interpreter of this process, in the same environment."""
    named, own = Path(word), Path(sys.executable)
    return named.parent == own.parent and named.name.startswith("python") and named.resolve() == own.resolve()
