"""What goes wrong with a request on its way to a far, busy server and back. Chosen by a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Fault(Enum):
    """One thing that goes wrong."""

    BAD_GATEWAY = 502
    BUSY = 503
    TOO_SLOW = 504
    RESET = "reset"
    """The connection breaks before the server has seen the request."""
    LOST = "lost"
    """The server acts, and the connection breaks before its answer arrives."""


BUSY_ANSWERS = (Fault.BAD_GATEWAY, Fault.BUSY, Fault.TOO_SLOW)


@dataclass
class Faults:
    """Which requests fail. With the same seed, the n-th request of an operation meets the same fate.

    A script wins over chance: `{"claim": {1: Fault.LOST}}` loses the answer to the first claim.
    """

    seed: int = 0
    busy: float = 0.0
    """How likely a burst of 502, 503 or 504 begins with a request."""
    burst: int = 4
    """Requests of one operation that such a burst takes."""
    reset: float = 0.0
    lost: float = 0.0
    script: Mapping[str, Mapping[int, Fault]] = field(default_factory=dict)

    def choose(self, operation: str, number: int) -> Fault | None:
        """What happens to request `number`, counted from 1, of an operation."""
        if number in (script := self.script.get(operation, {})):
            return script[number]
        for first in range(max(1, number - self.burst + 1), number + 1):
            chance = random.Random(f"{self.seed} {operation} {first} busy")
            if chance.random() < self.busy:
                return chance.choice(BUSY_ANSWERS)
        chance = random.Random(f"{self.seed} {operation} {number}")
        drawn = chance.random()
        if drawn < self.reset:
            return Fault.RESET
        return Fault.LOST if drawn < self.reset + self.lost else None
