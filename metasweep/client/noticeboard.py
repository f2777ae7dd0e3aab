"""What the processes of one user tell each other about a server, so that each of them need not ask it.

Small files beside wandb's own settings: when the server's rate limit has room again, and answers that are
good for all. Where they cannot be written, each process is on its own.
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
LOOK_SECONDS = 0.1  # between two looks for an answer for which another process has asked
OTHERS_SECONDS = 3.0  # for which such an answer is waited for
KEPT_SECONDS = 86_400.0  # until an old answer is removed


@dataclass(frozen=True)
class Answer:
    """What a server said, and when (seconds since the epoch)."""

    at: float
    content: Any


class Noticeboard:
    """The notices about one server and one account."""

    def __init__(self, folder: Path, account: Account) -> None:
        """`folder` is that of wandb's settings: jobs of a user share it, on all nodes of most clusters."""
        self._folder = folder / FOLDER
        self._name = hashlib.sha256(f"{account.base_url} {account.api_key}".encode()).hexdigest()[:16]
        self._limit = self._folder / f"{self._name}.limit"

    def limited_until(self) -> float:
        """Return when the server may be asked again (seconds since the epoch); 0 where no limit is known."""
        try:
            return float(self._limit.read_text("utf-8"))
        except (OSError, ValueError):
            return 0.0

    def note_limit(self, until: float) -> None:
        """Tell the others when the server may be asked again."""
        if until > self.limited_until():
            self._write(self._limit, str(until))

    def answer(self, question: str, since: float, ask: Callable[[], Any]) -> Answer | None:
        """Return an answer that is not older than `since`, asking only if no other process has, or does.

        None if another one asks and has no answer yet. Raises: what `ask` raises.
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
        """Replace a file at once. One that cannot be written tells nobody: that costs requests, no more."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=self._folder)  # for its owner alone
            with os.fdopen(number, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(path)

    def _remove_old(self) -> None:
        """Remove what is left of sweeps that nobody asks for any more."""
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                    path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Lock a file while the body runs; whether it was free. One that cannot be made is nobody's: free."""
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
        except OSError:  # a file system without locks
            pass
        yield True


def read_answer(path: Path) -> Answer | None:
    """Return the answer in a file, if there is one that can be read."""
    try:
        at, content = json.loads(path.read_text("utf-8"))
        return Answer(float(at), content)
    except (OSError, ValueError, TypeError):
        return None
