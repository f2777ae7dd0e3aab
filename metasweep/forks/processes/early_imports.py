# ruff: noqa: PTH115, PTH116, PTH208
"""The imports with which a program begins, made in the process of its run before the run is known.

The run will change the arguments and some variables of the environment. If an import reads one of those, it
was made too early: the process executes itself again, and then makes no imports before it knows its run.

Imports nothing that a new interpreter has not loaded anyway.
"""

from __future__ import annotations

import os
import sys

from metasweep.forks.processes import main_module

TYPE_CHECKING = False  # importing it from `typing` would load that module
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn

UNFIT = 3
"""What such a process reports, beside the constants of `turns`: its imports cannot be made early."""
ASK_BY_PREFIX = ("fsspec.config", "tqdm.utils")
"""Modules that read all variables, but use only those with a prefix that no run sets."""
GPU_FILES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")
READ_BY_LIBRARIES_IN_C = ("CUDA_VISIBLE_DEVICES",)


class Arguments(list):
    """`sys.argv` while only its first word is known. Notes whether any other word was read."""

    asked = False

    def __getitem__(self, index: Any) -> Any:
        self.asked |= index != 0
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Any]:
        self.asked = True
        return super().__iter__()

    def __len__(self) -> int:
        self.asked = True
        return super().__len__()

    def __contains__(self, word: object) -> bool:
        self.asked = True
        return super().__contains__(word)


class Variables(dict):
    """The mapping inside `os.environ`. Notes which variables were read, or whether all were."""

    def __init__(self, data: dict[bytes, bytes]) -> None:
        super().__init__(data)
        self.before = dict(data)
        self.asked: set[bytes] = set()
        self.all_asked = False

    def __getitem__(self, name: bytes) -> bytes:
        self.asked.add(name)
        return super().__getitem__(name)

    def __iter__(self) -> Iterator[bytes]:
        frame = sys._getframe(1)
        while frame.f_back and frame.f_globals.get("__name__") in ("os", "collections.abc"):
            frame = frame.f_back
        self.all_asked |= frame.f_globals.get("__name__") not in ASK_BY_PREFIX
        return super().__iter__()

    def items(self) -> Any:
        """Return all variables."""
        self.all_asked = True
        return super().items()


class EarlyImports:
    """The imports of one process, and what they have read."""

    def __init__(self, kind: str, name: str, statements: Sequence[tuple[str, int, str, int, str]]) -> None:
        """Prepare the imports of a program of this kind and name."""
        self._kind, self._name, self._statements = kind, name, statements
        self._arguments = Arguments(sys.argv[:1])
        self._variables = Variables(os.environ._data)  # type: ignore[attr-defined]
        self._streams = [os.dup(1), os.dup(2)]
        self._printed = os.memfd_create("printed")

    def make(self) -> bool:
        """Make the imports as the program will; return whether they could be made this early."""
        plain_arguments, plain_variables = sys.argv, os.environ._data  # type: ignore[attr-defined]
        folder = main_module.folder_of(self._kind, self._name)
        main_module.put_first(folder)
        if self._kind == "script":
            main_module.name_main(self._name)
        for fd in (1, 2):
            os.dup2(self._printed, fd)
        self._arguments[:] = [self._name]
        sys.argv, os.environ._data = self._arguments, self._variables  # type: ignore[attr-defined]
        try:
            for path, _, module, number, text in self._statements:
                code = compile("\n" * (number - 1) + text, path, "exec", dont_inherit=True)
                exec(code, {"__name__": module, "__file__": path})
            worked = sys.path[:1] == [folder] and not touches_gpu()
        except BaseException:  # noqa: BLE001 - the run will fail in the same way, and print why
            worked = False
        plain_variables.clear()
        plain_variables.update(dict.items(self._variables))
        sys.argv, os.environ._data = plain_arguments, plain_variables  # type: ignore[attr-defined]
        if worked:
            sys.path.remove(folder)
        return worked and not (self._arguments.asked or self._variables.all_asked)

    def suits(self, order: main_module.Order) -> bool:
        """Return whether the imports would do the same in the run that this process is to become.

        If so, add to the run's environment what they have changed in this one.
        """
        if (order["kind"], order["name"]) != (self._kind, self._name) or self._was_changed():
            return False
        before, variables = self._variables.before, dict(order["environ"])
        after = dict(os.environ._data)  # type: ignore[attr-defined]
        now = {os.fsencode(name): os.fsencode(value) for name, value in variables.items()}
        asked = {*self._variables.asked, *map(os.fsencode, READ_BY_LIBRARIES_IN_C)}
        asked |= {name for name in {*before, *after} if before.get(name) != after.get(name)}
        if any(before.get(name) != now.get(name) for name in asked):
            return False
        for name in {*before, *after}:
            if name not in after:
                variables.pop(os.fsdecode(name), None)
            elif before.get(name) != after[name]:
                variables[os.fsdecode(name)] = os.fsdecode(after[name])
        order["environ"] = variables
        return True

    def _was_changed(self) -> bool:
        """Return whether a file of the program has changed since its imports were listed."""
        try:
            return any(os.stat(path).st_mtime_ns != changed for path, changed, *_ in self._statements)
        except OSError:
            return True

    def end(self) -> bytes:
        """Close what the program must not find open; return what the imports have printed."""
        printed = os.pread(self._printed, os.fstat(self._printed).st_size, 0)
        for fd in (self._printed, *self._streams):
            os.close(fd)
        return printed

    def start_over(self, boot: str, files: Sequence[int]) -> NoReturn:
        """Replace this process by a new one that executes `boot` and inherits these file descriptors."""
        for fd, stream in enumerate(self._streams, start=1):
            os.dup2(stream, fd)
        for fd in files:
            os.set_inheritable(fd, True)
        words = [*sys.orig_argv[:-1], boot]
        os.execvpe(words[0], words, self._variables.before)


def touches_gpu() -> bool:
    """Return whether this process has a GPU open, which takes memory from the runs and works in no fork."""
    for number in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{number}").startswith(GPU_FILES):
                return True
        except FileNotFoundError:  # the descriptor with which the folder was listed
            continue
    return False
