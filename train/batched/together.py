"""The messages between a run's process and the trainer process, over a socket that only the user can open.

A run asks and the trainer answers, one message each: Begin with the run's facts, Interval with the next
means, Evaluate with an evaluation of the epoch, GiveState with the state. A run leaves by closing the
connection.
"""

import os
import pickle
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from train.config import Config

ADDRESS = "TRAIN_TOGETHER"
"""Environment variable of a run: the socket of the trainer in which it trains, with others."""


@dataclass(frozen=True)
class Begin:
    """A run has started. The answer is the facts of its device."""

    config: Config


@dataclass(frozen=True)
class Go:
    """Train the next logging interval; the first one from a state, if there is one."""

    state: dict[str, Any] | None = None


@dataclass(frozen=True)
class Evaluate:
    """Evaluate on the validation and on the test set."""


@dataclass(frozen=True)
class GiveState:
    """Return everything that later steps depend on."""


@dataclass(frozen=True)
class Failed:
    """An answer: the request failed, and why, in one line."""

    reason: str


def address() -> str | None:
    """Return where the trainer of this run listens; None without one."""
    return os.environ.get(ADDRESS) or None


def send(connection: Connection, message: Any) -> None:
    """Send by value. multiprocessing would share the memory of tensors and keep files open for it."""
    connection.send_bytes(pickle.dumps(message))


def receive(connection: Connection) -> Any:
    """Return the next message. Raises EOFError or OSError if the other side has gone."""
    return pickle.loads(connection.recv_bytes())
