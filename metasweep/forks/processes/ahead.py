"""A process of its own for one run, started ahead of it: it waits to be told its program.

It is a new interpreter: nothing in it was drawn, read or loaded for another run.
"""

from __future__ import annotations

import marshal
import os
import sys

from metasweep.forks.processes import main_module

TYPE_CHECKING = False  # that of `typing` would be imported
if TYPE_CHECKING:
    from collections.abc import Callable

BOOT = (
    "import sys; sys.path.insert(0, {root!r}); from metasweep.forks.processes.ahead import main; "
    "del sys.path[0]; main({line}, {ended})"
)
"""What the interpreter is started with (`-c`), {line} and {ended} being file descriptors."""


def main(line: int, ended: int) -> None:
    """Wait for an order on `line` and become it; end if the line closes without one.

    `ended`: see `main_module.become`.
    """
    show_command_line = prepare_command_line()
    order = await_order(line)
    if order is None:
        os._exit(0)
    os.set_inheritable(ended, False)
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # the '' of -c
    show_command_line(order["words"])
    main_module.forget_this_package()
    main_module.become(order, ended)
    main_module.run(order["kind"], order["name"])


def prepare_command_line() -> Callable[[list[str]], None]:
    """Load what it takes to change `/proc/self/cmdline`; return the function that does it."""
    before = set(sys.modules)
    from metasweep.forks.processes.command_line import show

    for name in set(sys.modules) - before:
        del sys.modules[name]
    return show


def await_order(line: int) -> main_module.Order | None:
    """Read an order from a pipe; None if the other end closes without one."""
    told = b""
    while piece := os.read(line, 1 << 20):
        told += piece
    os.close(line)
    return marshal.loads(told) if told else None
