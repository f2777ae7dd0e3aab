"""What a run was seen to take, and what to allow another one."""

from __future__ import annotations

import math
from dataclasses import dataclass

MARGIN = 1.5  # other points, other nodes
STEP_SECONDS, STEP_MIB = 60, 256


@dataclass(frozen=True)
class Need:
    """Time and memory of one run, as `metasweep check` and the first run of an agent measure them."""

    seconds: float
    memory: float
    """MiB, at the most, of all its processes."""

    @property
    def allowed_seconds(self) -> int:
        """For a run of the same kind, in whole minutes."""
        return math.ceil(MARGIN * self.seconds / STEP_SECONDS) * STEP_SECONDS

    @property
    def allowed_memory(self) -> int:
        """MiB for a run of the same kind."""
        return math.ceil(MARGIN * self.memory / STEP_MIB) * STEP_MIB
