"""A run that starts before its turn: it waits after `wandb.init`, and reports when its training is over.

So the first and last requests of a run overlap with the training of another run. The wandb client itself is
not changed: only in the processes of such runs, its public `init`, `Run.finish` and `Run.__exit__` are called
through functions of ours. If a client lacks one of them, the run does not wait.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

ENDED, READY, OVER = 0, 1, 2
"""What a process reports: it ends; its run has begun and waits for its turn; its training is over."""


def take_turns(gate: int, say: Callable[[int], None]) -> None:
    """Make the first run of this process wait until something can be read from `gate`."""
    import wandb

    begin = getattr(wandb, "init", None)
    run_class = getattr(wandb, "Run", None)
    if begin is None or run_class is None:
        return
    once: set[int] = set()

    def say_once(what: int) -> bool:
        new = what not in once
        once.add(what)
        if new:
            say(what)
        return new

    @functools.wraps(begin)
    def begin_and_wait(*arguments: Any, **options: Any) -> Any:
        run = begin(*arguments, **options)
        if say_once(READY):
            os.read(gate, 1)
        return run

    def told_before(end: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(end)
        def tell_and_end(*arguments: Any, **options: Any) -> Any:
            say_once(OVER)
            return end(*arguments, **options)

        return tell_and_end

    wandb.init = begin_and_wait
    for name in ("finish", "__exit__"):
        if end := getattr(run_class, name, None):
            setattr(run_class, name, told_before(end))
