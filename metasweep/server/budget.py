"""What the answer to one query may cost: lists within lists can grow to any size."""

from dataclasses import dataclass

from metasweep.server.errors import BadRequest

MOST_VALUES = 1_000_000  # rows times fields: 10,000 runs with 100 fields each, some seconds of work


@dataclass
class Budget:
    """The rows that one query may still list."""

    rows: int = MOST_VALUES

    def take(self, rows: int) -> None:
        """Spend some, or BadRequest."""
        self.rows -= rows
        if self.rows < 0:
            raise BadRequest("the query lists too many rows with too many fields: ask for them in parts")
