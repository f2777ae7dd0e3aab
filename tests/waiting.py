"""How tests wait for an event: as long as a busy machine needs, and no longer than it takes."""

import time
from collections.abc import Callable

PATIENCE = 240.0  # seconds; a busy machine takes six times as long


def wait_until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
