"""SIGTERM: a batch system takes its node back. The run handles it where it can be continued later."""

import contextlib
import signal
from collections.abc import Iterator

EXIT_CODE = 128 + signal.SIGTERM  # as shells report it


class Preempted(SystemExit):
    """The run was told to stop and will be offered again."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


class Preemption:
    """Whether the run was told to stop."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        """Note a request to stop; a signal handler."""
        self.asked = True


@contextlib.contextmanager
def watch() -> Iterator[Preemption]:
    """Note SIGTERM instead of ending at once."""
    preemption = Preemption()
    before = signal.signal(signal.SIGTERM, preemption.ask)
    try:
        yield preemption
    finally:
        signal.signal(signal.SIGTERM, before)
