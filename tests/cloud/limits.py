"""Rate limits as W&B documents them: so many requests in a window of time, and the headers that tell of it.

https://docs.wandb.ai/guides/track/limits: a refused request gets 429; `RateLimit-Limit` and
`RateLimit-Remaining` count on a scale from 0 to 1000, `RateLimit-Reset` is in seconds.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

SCALE = 1000


@dataclass
class Limit:
    """So many requests in each window of so many seconds."""

    requests: int
    seconds: float = 60.0
    used: int = 0
    began: float = 0.0
    """Start of the window, by the monotonic clock."""

    def admit(self, now: float | None = None) -> bool:
        """Count a request; return whether it is within the limit."""
        now = time.monotonic() if now is None else now
        if now - self.began >= self.seconds:
            self.began, self.used = now, 0
        self.used += 1
        return self.used <= self.requests

    def headers(self, now: float | None = None) -> dict[str, str]:
        """What an answer says of the limit."""
        now = time.monotonic() if now is None else now
        left = max(0, self.requests - self.used)
        return {
            "RateLimit-Limit": str(SCALE),
            "RateLimit-Remaining": str(SCALE * left // self.requests),
            "RateLimit-Reset": str(max(0, math.ceil(self.began + self.seconds - now))),
        }
