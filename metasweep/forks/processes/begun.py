# ruff: noqa: PTH115, PTH116, PTH208
"""The imports with which a program begins, made in the process of its run before the run is known.

What the run will change is watched: its arguments, and variables of its environment. Where an import asks for
those, the process starts over, by executing itself anew; the run finds nothing of what was done before.

Imports nothing that a new interpreter has not loaded anyway.
"""

from __future__ import annotations

import os
import sys

from metasweep.forks.processes import main_module

TYPE_CHECKING = False  # that of `typing` would be imported
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NoReturn

UNFIT = 3
"""What such a process writes of itself, beside the words of `turns`: its imports cannot be made ahead."""
ASK_BY_PREFIX = ("fsspec.config", "tqdm.utils")
"""Modules that look through all variables for those with a certain prefix, which no run changes."""
GPU_FILES = ("/dev/nvidia", "/dev/kfd", "/dev/dri/")
READ_BY_LIBRARIES_IN_C = ("CUDA_VISIBLE_DEVICES",)


class Arguments(list):
    """`sys.argv` as long as only its first word is known; notes whether others are asked for."""

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
    """What `os.environ` keeps the variables in; notes which are asked for, or whether all are."""

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


class Beginning:
    """The imports of one process, and who has asked for what."""

    def __init__(self, kind: str, name: str, statements: Sequence[tuple[str, int, str, int, str]]) -> None:
        """Of a program of this kind and name, which begins with these imports."""
        self._kind, self._name, self._statements = kind, name, statements
        self._arguments = Arguments(sys.argv[:1])
        self._variables = Variables(os.environ._data)  # type: ignore[attr-defined]
        self._streams = [os.dup(1), os.dup(2)]
        self._printed = os.memfd_create("printed")

    def make(self) -> bool:
        """Make the imports as the program will; return whether they could be made ahead of the run."""
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
        except BaseException:  # noqa: BLE001 - the run itself will meet the same, and say so
            worked = False
        plain_variables.clear()
        plain_variables.update(dict.items(self._variables))
        sys.argv, os.environ._data = plain_arguments, plain_variables  # type: ignore[attr-defined]
        if worked:
            sys.path.remove(folder)
        return worked and not (self._arguments.asked or self._variables.all_asked)

    def suits(self, order: main_module.Order) -> bool:
        """Whether the imports would have met the same in the run that this process is told to become.

        Then what they have changed in the environment is added to that of the run.
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
        """Whether the program is another by now."""
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
        """Be a new process that is started with `boot` and finds these file descriptors."""
        for fd, stream in enumerate(self._streams, start=1):
            os.dup2(stream, fd)
        for fd in files:
            os.set_inheritable(fd, True)
        words = [*sys.orig_argv[:-1], boot]
        os.execvpe(words[0], words, self._variables.before)


def touches_gpu() -> bool:
    """Whether this process has a GPU open. Its memory is for those that train, and no fork can use it."""
    for number in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{number}").startswith(GPU_FILES):
                return True
        except FileNotFoundError:  # that of the listing itself
            continue
    return False
