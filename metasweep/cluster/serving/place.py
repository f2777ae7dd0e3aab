"""The folder on shared storage where a served sweep's server, agents and people meet.

served/
    state/          the last copy of the server's state, which `metasweep server start --server-dir` serves
    state.new/      the next one, as soon as it is complete
    state.old/      the one before, while the two are exchanged
    address.json    node and port of the server that runs now; absent while none does
    cert.pem        its certificate, for the names under which relays and tunnels reach it; tls.key is its key
    key             the key, readable by its owner alone
    holder.json     which job holds the state, and its last sign of life
    stop            written when all is done: the server's job then ends, and the next ones do not begin
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metasweep.batch.files import replace_text

BEAT_SECONDS = 10.0
LOST_SECONDS = 60.0
"""A holder that wrote no sign of life for so long is lost. It has stopped serving by itself before."""


@dataclass(frozen=True)
class Place:
    """The folder."""

    folder: Path

    def make(self) -> None:
        """Create the folder, for its owner alone. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    @property
    def state(self) -> Path:
        """The last complete copy of the server's state."""
        return self.folder / "state"

    @property
    def new_state(self) -> Path:
        """A new copy of the state. It is there only when it is complete."""
        return self.folder / "state.new"

    @property
    def old_state(self) -> Path:
        """The last copy while the new one takes its place."""
        return self.folder / "state.old"

    def exchange_state(self) -> None:
        """Make the new copy of the state the last one."""
        shutil.rmtree(self.old_state, ignore_errors=True)
        if self.state.exists():
            self.state.rename(self.old_state)
        self.new_state.rename(self.state)
        shutil.rmtree(self.old_state, ignore_errors=True)

    def recover_state(self) -> None:
        """Bring back a copy that a job was exchanging when it was killed."""
        for path in (self.new_state, self.old_state):
            if path.exists() and not self.state.exists():
                path.rename(self.state)

    @property
    def cert(self) -> Path:
        """The server's certificate, the same on every node."""
        return self.folder / "cert.pem"

    @property
    def tls_key(self) -> Path:
        """Its key, readable by its owner alone."""
        return self.folder / "tls.key"

    @property
    def key(self) -> Path:
        """The file with the key."""
        return self.folder / "key"

    @property
    def stop(self) -> Path:
        """A file whose existence tells the server to end."""
        return self.folder / "stop"

    def address(self) -> tuple[str, int] | None:
        """Node and port of the running server; None without one."""
        found = read(self.folder / "address.json")
        return (str(found["host"]), int(found["port"])) if found else None

    def publish(self, host: str, port: int) -> None:
        """Store where the server runs."""
        write(self.folder / "address.json", {"host": host, "port": port})

    def withdraw(self) -> None:
        """Store that no server runs."""
        (self.folder / "address.json").unlink(missing_ok=True)

    def holder(self) -> str | None:
        """Return the job that holds the state; None if none does, or if that one is lost."""
        found = read(self.folder / "holder.json")
        return found["who"] if found and time.time() - found["at"] < LOST_SECONDS else None

    def hold(self, who: str) -> bool:
        """Take the state, or renew that. Return False while another job holds it."""
        if self.holder() not in (None, who):
            return False
        write(self.folder / "holder.json", {"who": who, "at": time.time()})
        return True

    def release(self, who: str) -> None:
        """Release the state, so that another job can take it at once."""
        if self.holder() == who:
            (self.folder / "holder.json").unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any] | None:
    """Return the content of a small JSON file; None if there is no file."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace a small JSON file as a whole."""
    replace_text(path, json.dumps(content))
