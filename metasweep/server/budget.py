"""What the answer to one query may cost: lists within lists, and scans of all runs, can grow to any size."""

import threading
import time
from dataclasses import dataclass, field
from math import inf

from metasweep.server.errors import BadRequest, ServerError, Unavailable

MOST_VALUES = 1_000_000  # rows times fields: 10,000 runs with 100 fields each, some seconds of work
MOST_STEPS = 200_000_000  # of SQLite, some 50 ns each
MOST_SECONDS = 10.0  # of a processor: a step that parses a long document costs more than one
# What is quick: a list of runs as the client asks for it, not a search of all of them.
QUICK_VALUES, QUICK_STEPS, QUICK_SECONDS = 10_000, 200_000, 0.03
TOO_MUCH = "the query lists too many rows with too many fields, or searches too many: ask for them in parts"
TICK = 10_000  # steps between two looks at the budget


class NotQuick(Exception):
    """The query costs more than a quick one may: it has to begin anew among the slow ones."""


@dataclass(eq=False)
class Budget:
    """What one query may still cost. Used by one thread, and given up by another one."""

    quick: bool = False
    rows: float = MOST_VALUES
    steps: float = MOST_STEPS
    seconds: float = MOST_SECONDS
    given_up: threading.Event = field(default_factory=threading.Event)
    """Set when nobody waits for the answer any longer."""
    refusal: Exception | None = None
    """Why no more may be spent."""
    _until: float = inf  # of the thread's processor time

    def __post_init__(self) -> None:
        if self.quick:
            self.rows, self.steps, self.seconds = QUICK_VALUES, QUICK_STEPS, QUICK_SECONDS

    def extend(self) -> None:
        """Allow what changes something all that a slow query may cost: it cannot begin anew."""
        if self.quick:
            self.quick = False
            self.rows, self.steps, self.seconds = MOST_VALUES, MOST_STEPS, MOST_SECONDS

    def begin(self) -> None:
        """From here on, this thread works for the query."""
        self._until = time.thread_time() + self.seconds

    def check(self) -> None:
        """Raise BadRequest, NotQuick or Unavailable when no more may be spent."""
        if self.given_up.is_set():
            self.refusal = Unavailable("nobody waits for this answer any longer")
        elif min(self.rows, self.steps) < 0 or time.thread_time() > self._until:
            self.refusal = NotQuick() if self.quick else BadRequest(TOO_MUCH)
        if self.refusal is not None:
            raise self.refusal

    def take(self, rows: int) -> None:
        """Spend rows that are listed; BadRequest or NotQuick."""
        self.rows -= rows
        self.check()

    def take_steps(self, steps: float) -> None:
        """Spend steps of a search; BadRequest or NotQuick."""
        self.steps -= steps
        self.check()

    def tick(self) -> bool:
        """Whether SQLite has to stop: to be called by it every TICK steps."""
        try:
            self.take_steps(TICK)
        except (ServerError, NotQuick):
            return True
        return False
