"""Limits the cost of one query: nested lists and scans of all runs could grow to any size."""

import threading
import time
from dataclasses import dataclass, field
from math import inf

from metasweep.server.errors import BadRequest, ServerError, Unavailable

MOST_VALUES = 1_000_000  # rows times fields: 10,000 runs with 100 fields each, some seconds of work
MOST_STEPS = 200_000_000  # of SQLite's virtual machine, about 50 ns each
MOST_SECONDS = 10.0  # of processor time; a step that parses a long document costs more than 50 ns
# Limits of a quick query: it may list runs as the client does, but not search all of them.
QUICK_VALUES, QUICK_STEPS, QUICK_SECONDS = 10_000, 200_000, 0.03
TOO_MUCH = "the query lists too many rows with too many fields, or searches too many: ask for them in parts"
TICK = 10_000  # steps between two checks of the budget


class NotQuick(Exception):
    """The query costs more than a quick one may. It must start again as a slow one."""


@dataclass(eq=False)
class Budget:
    """What one query may still cost. One thread uses it; another may cancel it."""

    quick: bool = False
    rows: float = MOST_VALUES
    steps: float = MOST_STEPS
    seconds: float = MOST_SECONDS
    cancelled: threading.Event = field(default_factory=threading.Event)
    """Set when the client has left or the server ends."""
    refusal: Exception | None = None
    """Why the query must stop."""
    _until: float = inf  # in processor time of the thread

    def __post_init__(self) -> None:
        if self.quick:
            self.rows, self.steps, self.seconds = QUICK_VALUES, QUICK_STEPS, QUICK_SECONDS

    def extend(self) -> None:
        """Allow the full cost of a slow query. A query that changes something cannot start again."""
        if self.quick:
            self.quick = False
            self.rows, self.steps, self.seconds = MOST_VALUES, MOST_STEPS, MOST_SECONDS

    def begin(self) -> None:
        """From now on this thread works for the query."""
        self._until = time.thread_time() + self.seconds

    def check(self) -> None:
        """Raise BadRequest, NotQuick or Unavailable if the budget is used up."""
        if self.cancelled.is_set():
            self.refusal = Unavailable("the client has left")
        elif min(self.rows, self.steps) < 0 or time.thread_time() > self._until:
            self.refusal = NotQuick() if self.quick else BadRequest(TOO_MUCH)
        if self.refusal is not None:
            raise self.refusal

    def take(self, rows: int) -> None:
        """Spend rows of a list. Raises BadRequest, NotQuick."""
        self.rows -= rows
        self.check()

    def take_steps(self, steps: float) -> None:
        """Spend steps of a search. Raises BadRequest, NotQuick."""
        self.steps -= steps
        self.check()

    def tick(self) -> bool:
        """Return whether SQLite has to stop. SQLite calls it every TICK steps."""
        try:
            self.take_steps(TICK)
        except (ServerError, NotQuick):
            return True
        return False
