"""SIGTERM: a batch system wants its node back. The run notices where it can be continued from later."""

import contextlib
import signal
from collections.abc import Iterator

EXIT_CODE = 128 + signal.SIGTERM  # as shells count


class Preempted(SystemExit):
    """The run was told to go and will be handed out again."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


class Preemption:
    """Whether the run was told to go."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        """Note that it was; a signal handler."""
        self.asked = True


@contextlib.contextmanager
def watch() -> Iterator[Preemption]:
    """Notice SIGTERM instead of dying of it."""
    preemption = Preemption()
    before = signal.signal(signal.SIGTERM, preemption.ask)
    try:
        yield preemption
    finally:
        signal.signal(signal.SIGTERM, before)
