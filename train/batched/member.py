"""A run's side of training together: a `Training` that happens in the trainer process."""

import time
from collections.abc import Iterator
from multiprocessing.connection import Client, Connection
from typing import Any

from train.batched.together import Begin, Evaluate, Failed, GiveState, Go, receive, send
from train.config import Config
from train.data import DataSet
from train.errors import TrainError
from train.loop import Evaluation, Interval, TrainingBase

# how long the trainer may take to listen, since it may have to load the data set first
CONNECT_SECONDS = 120.0
TURN_SECONDS = 0.2
GONE = "the trainer process that this run shares with others has ended"


class Member(TrainingBase):
    """Asks the trainer for everything that a `Training` would do itself."""

    def __init__(self, config: Config, data: DataSet, address: str) -> None:
        """Connect. Raises TrainError if no trainer listens there, or if it cannot train this run."""
        super().__init__(config, data)
        self._connection = connect(address)
        self._state: dict[str, Any] | None = None
        self._asked = False  # whether the next interval has been requested
        self.facts: dict[str, Any] = self._ask(Begin(config))
        """What the trainer's device and network add to the run's config."""

    def has_turn(self) -> bool:
        """Return whether the first interval is done. Until then others are trained or awaited."""
        self._ask_for_interval()
        return self._connection.poll(TURN_SECONDS)

    def train_epoch(self) -> Iterator[Interval]:
        """Train an epoch in the trainer."""
        while True:
            self._ask_for_interval()
            interval: Interval = self._receive()
            self._asked, self.step = False, interval.step
            yield interval
            if self.between_epochs:
                return

    def _ask_for_interval(self) -> None:
        if not self._asked:
            self._send(Go(self._state))
            self._asked, self._state = True, None

    def evaluate_epoch(self) -> tuple[Evaluation, Evaluation]:
        """Evaluate in the trainer."""
        return self._ask(Evaluate())

    def state(self) -> dict[str, Any]:
        """Return the trainer's state of this run."""
        return self._ask(GiveState())

    def restore(self, state: dict[str, Any]) -> None:
        """Begin at a `state`, which goes to the trainer with the first request."""
        self._state, self.step = state, state["step"]

    def close(self) -> None:
        """Leave the trainer."""
        self._connection.close()

    def _ask(self, message: Any) -> Any:
        self._send(message)
        return self._receive()

    def _send(self, message: Any) -> None:
        try:
            send(self._connection, message)
        except OSError as error:
            raise TrainError(GONE) from error

    def _receive(self) -> Any:
        try:
            answer = receive(self._connection)
        except (EOFError, OSError) as error:
            raise TrainError(GONE) from error
        if isinstance(answer, Failed):
            raise TrainError(answer.reason)
        return answer


def connect(address: str) -> Connection:
    """Return a connection to the trainer, as soon as it listens. Raises TrainError if it does not."""
    deadline = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            return Client(address, "AF_UNIX")
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError) as error:
            if time.monotonic() > deadline:
                raise TrainError(f"no trainer listens at {address}: {error.strerror}") from error
            time.sleep(0.05)
