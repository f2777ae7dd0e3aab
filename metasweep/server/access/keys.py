"""The keys that open the server: its own, and those made besides, of which only hashes are kept.

The file of the others is replaced as a whole, and looked at on every request: a key that is withdrawn opens
nothing from then on, without a restart.
"""

import contextlib
import fcntl
import hashlib
import hmac
import json
import logging
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from metasweep.server.store.database import now

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
OWN = "server"  # the key in the file `key`, which the commands on this machine use
FILE = "keys.json"
log = logging.getLogger("server")


class KeyProblem(Exception):
    """One line that says what is wrong with a name or with the file of keys."""


@dataclass(frozen=True)
class Key:
    """What is kept of a key. It is random: a fast hash without salt gives nothing away."""

    name: str
    created_at: str
    sha256: str


def digest(key: str) -> str:
    """The hash by which a key is known."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def new_secret() -> str:
    """A new key: 40 hex digits, the form that clients insist on."""
    return secrets.token_hex(20)


def load_or_make(path: Path) -> str:
    """The secret in a file; a new one, readable by its owner only, when there is none."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    secret = new_secret()
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
    return secret


def read(data_dir: Path) -> list[Key]:
    """The keys besides the server's own. Raises KeyProblem when the file is not what this module wrote."""
    path = data_dir / FILE
    try:
        return [Key(**entry) for entry in json.loads(path.read_text())]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise KeyProblem(
            f"{path} is damaged: restore it from a backup, or delete it and make new keys"
        ) from error


def make(data_dir: Path, name: str) -> str:
    """Make a key of that name; it is returned, and can never be read again."""
    if not NAME.fullmatch(name):
        raise KeyProblem(f"{name!r} is not a name for a key: letters, digits, dots, dashes and underscores")
    secret = new_secret()
    with changed(data_dir) as keys:
        if name == OWN or any(key.name == name for key in keys):
            raise KeyProblem(f"there is a key {name} already: choose another name, or revoke it first")
        keys.append(Key(name, now(), digest(secret)))
    return secret


def revoke(data_dir: Path, name: str) -> None:
    """Withdraw the key of that name."""
    if name == OWN:
        raise KeyProblem(f"to replace the server's own key, stop it, delete {data_dir / 'key'} and start it")
    with changed(data_dir) as keys:
        kept = [key for key in keys if key.name != name]
        if len(kept) == len(keys):
            names = ", ".join(key.name for key in keys) or "none"
            raise KeyProblem(f"there is no key {name}; there are: {names}")
        keys[:] = kept


@contextlib.contextmanager
def changed(data_dir: Path) -> Iterator[list[Key]]:
    """The keys, to be changed by one process at a time; they are stored as a whole when all went well."""
    folder = os.open(data_dir, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        keys = read(data_dir)
        yield keys
        partial = data_dir / f".{FILE}.partial"
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump([asdict(key) for key in keys], file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(data_dir / FILE)
    finally:
        os.close(folder)


class Keyring:
    """The keys of a running server. Raises KeyProblem when it cannot start with them."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._own = digest(load_or_make(data_dir / "key"))
        self._version: tuple[int, int, int] | None = None
        self._others = [key.sha256 for key in read(data_dir)]

    def digests(self) -> list[str]:
        """The hashes of all keys as of now."""
        if (version := self._look()) != self._version:
            self._version = version
            self._others = self._read_again()
        return [self._own, *self._others]

    def _read_again(self) -> list[str]:
        try:
            return [key.sha256 for key in read(self._data_dir)]
        except (KeyProblem, OSError) as error:
            log.error("only the server's own key is taken: %s", error)
            return []

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = (self._data_dir / FILE).stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def accepts(self, presented: str) -> bool:
        """Whether this is one of the keys; the time that it takes tells nothing about them."""
        wanted = digest(presented)
        return any([hmac.compare_digest(wanted, known) for known in self.digests()])  # noqa: C419 - no early exit
