"""What a run needed, and what to allow another one."""

from __future__ import annotations

import math
from dataclasses import dataclass

MARGIN = 1.5  # for other points and other nodes
STEP_SECONDS, STEP_MIB = 60, 256


@dataclass(frozen=True)
class Need:
    """Time and memory of one run, as `metasweep check` and the first run of an agent measure them."""

    seconds: float
    memory: float
    """The peak of all its processes together, in MiB."""

    @property
    def allowed_seconds(self) -> int:
        """Seconds to allow for a similar run, in whole minutes."""
        return math.ceil(MARGIN * self.seconds / STEP_SECONDS) * STEP_SECONDS

    @property
    def allowed_memory(self) -> int:
        """MiB to allow for a similar run."""
        return math.ceil(MARGIN * self.memory / STEP_MIB) * STEP_MIB
