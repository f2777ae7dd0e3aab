"""A process for one run that is started early: it waits until it is told its program.

It is a new interpreter. It shares no imports, files or random numbers with other runs.
"""

from __future__ import annotations

import marshal
import os
import sys

from metasweep.forks.processes import main_module

TYPE_CHECKING = False  # importing it from `typing` would load that module
if TYPE_CHECKING:
    from collections.abc import Callable

BOOT = (
    "import sys; sys.path.insert(0, {root!r}); from metasweep.forks.processes.ahead import main; "
    "del sys.path[0]; main({line}, {ended})"
)
"""The code for the interpreter's `-c`; {line} and {ended} are file descriptors."""


def main(line: int, ended: int) -> None:
    """Wait for an order on `line` and run it. End if the line closes without one.

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
    """Import what is needed to change `/proc/self/cmdline`; return the function that changes it."""
    before = set(sys.modules)
    from metasweep.forks.processes.command_line import show

    for name in set(sys.modules) - before:
        del sys.modules[name]
    return show


def await_order(line: int) -> main_module.Order | None:
    """Read an order from a pipe. Return None if the other end closes without one."""
    told = b""
    while piece := os.read(line, 1 << 20):
        told += piece
    os.close(line)
    return marshal.loads(told) if told else None
