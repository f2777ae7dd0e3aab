"""What a command line starts: a Python module, a Python script, or anything else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Program:
    """A command, and how to run it."""

    kind: Literal["module", "script", "command"]
    name: str
    """The module, the path of the script, or the executable."""
    arguments: tuple[str, ...]
    words: tuple[str, ...]
    """The whole command line, to start it as a new process."""

    @property
    def is_python(self) -> bool:
        """Whether it can run in a fork of a warm interpreter."""
        return self.kind != "command"


def parse(words: Sequence[str]) -> Program:
    """Recognise `[/usr/bin/env] PYTHON [-u] (-m MODULE | SCRIPT) ARGUMENTS`, if PYTHON is ours."""
    rest = list(words[1:] if words[:1] == ["/usr/bin/env"] else words)
    if rest and is_this_python(rest[0]):
        rest = [word for i, word in enumerate(rest) if (i, word) != (1, "-u")]
        if len(rest) > 2 and rest[1] == "-m":
            return Program("module", rest[2], tuple(rest[3:]), tuple(words))
        if len(rest) > 1 and not rest[1].startswith("-"):
            return Program("script", rest[1], tuple(rest[2:]), tuple(words))
    return Program("command", words[0], tuple(words[1:]), tuple(words))


def is_this_python(word: str) -> bool:
    """Whether a word names the interpreter of this process, in the same environment."""
    named, own = Path(word), Path(sys.executable)
    return named.parent == own.parent and named.name.startswith("python") and named.resolve() == own.resolve()
