"""A process of its own for one run, started ahead of it: it waits to be told its run.

It is a new interpreter. It shares no imports, files or random numbers with other runs.
"""

from __future__ import annotations

import marshal
import os
import sys

from metasweep.forks.processes import early_imports, main_module

TYPE_CHECKING = False  # importing it from `typing` would load that module
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

BOOT = (
    "import sys; sys.path.insert(0, {root!r}); from metasweep.forks.processes.ahead import main; "
    "del sys.path[0]; main({root!r}, {line}, {ended}, {notes}, {imports!r})"
)
"""What the interpreter is started with (`-c`). {line}, {ended} and {notes} are file descriptors; {imports} is
empty, or the kind and the name of the program and the statements with which it begins."""
Imports = tuple[str, str, tuple[tuple[str, int, str, int, str], ...]] | tuple[()]
FIRST_HIGH = 200
"""Programs expect the first file that they open to have a small number."""


def main(root: str, line: int, ended: int, notes: int, imports: Imports) -> None:
    """Wait for an order on `line` and become it; end if the line closes without one.

    `ended`: see `main_module.become`. `notes`: where to report that the imports cannot be made early.
    """
    line, ended, notes = (move_up(fd) for fd in (line, ended, notes))
    show_command_line = prepare_command_line()
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # the '' of -c
    early = None
    if imports:
        early = early_imports.EarlyImports(*imports)
        if not early.make():
            start_over(early, root, line, ended, notes)
    told = read_all(line)
    if not told:
        os._exit(0)
    order = marshal.loads(told)
    show_command_line(order["words"], order["environ"])
    if early and not early.suits(order):
        start_over(early, root, line_with(told), ended, notes)
    printed = early.end() if early else b""
    os.close(notes)
    main_module.forget_this_package()
    main_module.become(order, ended)
    os.write(1, printed)
    main_module.put_first(main_module.folder_of(order["kind"], order["name"]))
    main_module.run(order["kind"], order["name"])


def move_up(fd: int) -> int:
    """Give a file descriptor a number that no program expects."""
    known = "fcntl" in sys.modules
    import fcntl

    if not known:
        del sys.modules["fcntl"]
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST_HIGH)
    os.close(fd)
    return moved


def start_over(early: early_imports.EarlyImports, root: str, line: int, ended: int, notes: int) -> NoReturn:
    """Report, as a `child.NOTE`, that the imports were too early; become a new process that makes none."""
    note = (os.getpid(), early_imports.UNFIT, 0)
    os.write(notes, b"".join(number.to_bytes(4, sys.byteorder) for number in note))
    boot = BOOT.format(root=root, line=line, ended=ended, notes=notes, imports=())
    early.start_over(boot, (line, ended, notes))


def prepare_command_line() -> Callable[[list[str], dict[str, str]], None]:
    """Load what it takes to change `/proc/self/cmdline`; return the function that does it."""
    before = set(sys.modules)
    from metasweep.forks.processes.command_line import show

    for name in set(sys.modules) - before:
        del sys.modules[name]
    return show


def read_all(line: int) -> bytes:
    """Read a marshalled `main_module.Order` from a pipe; nothing if the other end closes without one."""
    told = b""
    while piece := os.read(line, 1 << 20):
        told += piece
    os.close(line)
    return told


def line_with(told: bytes) -> int:
    """Return a file descriptor from which these bytes can be read again."""
    line = os.memfd_create("line")
    os.write(line, told)
    os.lseek(line, 0, os.SEEK_SET)
    return line
