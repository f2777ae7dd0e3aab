"""Shares what one process of a user learns about a server, so that the others need not ask.

Small files beside wandb's own settings: when the server's rate limit allows requests again, and answers that
are the same for all. If they cannot be written, each process asks for itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metasweep.client.account import Account

FOLDER = "metasweep"
LOOK_SECONDS = 0.1  # between two looks for an answer that another process has requested
OTHERS_SECONDS = 3.0  # how long to wait for such an answer
KEPT_SECONDS = 86_400.0  # until an old answer is removed


@dataclass(frozen=True)
class Answer:
    """A server's answer, and its time (seconds since the epoch)."""

    at: float
    content: Any


class Noticeboard:
    """The notices about one server and one account."""

    def __init__(self, folder: Path, account: Account) -> None:
        """`folder` holds wandb's settings. A user's jobs share it, on most clusters on all nodes."""
        self._folder = folder / FOLDER
        self._name = hashlib.sha256(f"{account.base_url} {account.api_key}".encode()).hexdigest()[:16]
        self._limit = self._folder / f"{self._name}.limit"

    def limited_until(self) -> float:
        """Return when the next request is allowed (seconds since the epoch); 0 if no limit is known."""
        try:
            return float(self._limit.read_text("utf-8"))
        except (OSError, ValueError):
            return 0.0

    def note_limit(self, until: float) -> None:
        """Tell the other processes when the next request is allowed."""
        if until > self.limited_until():
            self._write(self._limit, str(until))

    def answer(self, question: str, since: float, ask: Callable[[], Any]) -> Answer | None:
        """Return an answer that is not older than `since`.

        Ask only if no other process has asked or is asking.

        None if another process is asking and has no answer yet. Raises: what `ask` raises.
        """
        path = self._folder / f"{self._name}-{hashlib.sha256(question.encode()).hexdigest()[:16]}.json"
        deadline = time.monotonic() + OTHERS_SECONDS
        while True:
            with locked(path.with_suffix(".lock")) as is_ours:
                known = read_answer(path)
                if known and known.at >= since:
                    return known
                if is_ours:
                    answer = Answer(time.time(), ask())
                    self._write(path, json.dumps([answer.at, answer.content]))
                    self._remove_old()
                    return answer
            if time.monotonic() > deadline:
                return None
            time.sleep(LOOK_SECONDS)

    def _write(self, path: Path, text: str) -> None:
        """Replace a file at once. If it cannot be written, the only cost is more requests."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=self._folder)  # readable by its owner alone
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(path)

    def _remove_old(self) -> None:
        """Remove old answers about sweeps."""
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                    path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Lock a file while the body runs; yield whether it was free.

    If it cannot be created, it counts as free.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = path.open("a")
    except OSError:
        yield True
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # the file system has no locks
            pass
        yield True


def read_answer(path: Path) -> Answer | None:
    """Return the answer in a file; None if there is none or it is damaged."""
    try:
        at, content = json.loads(path.read_text("utf-8"))
        return Answer(float(at), content)
    except (OSError, ValueError, TypeError):
        return None
