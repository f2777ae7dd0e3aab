"""The keys of the server: its own, and additional ones, of which only hashes are stored.

The file with the additional keys is replaced as a whole and checked on every request. So a revoked key stops
working at once, without a restart.
"""

import contextlib
import fcntl
import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from metasweep.server.datadir import check_private, opened, write_private
from metasweep.server.errors import Refused
from metasweep.server.store.base.database import now

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
OWN = "server"  # the key in the file `key`, which the commands on this machine use
FILE = "keys.json"
SECRETS = ("key", "signing_secret", FILE)
SHORTEST = 32  # characters of a secret; long enough against guessing
log = logging.getLogger("server")


@dataclass(frozen=True)
class Key:
    """The stored part of a key. Keys are random, so a fast hash without salt is safe."""

    name: str
    created_at: str
    sha256: str

    def is_sound(self) -> bool:
        """Return whether the fields have the right form."""
        texts = all(isinstance(part, str) for part in (self.name, self.created_at, self.sha256))
        return texts and re.fullmatch("[0-9a-f]{64}", self.sha256) is not None


def digest(key: str) -> str:
    """Return the hash that identifies a key."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def new_secret() -> str:
    """Return a new key: 40 hex digits, the form that clients require."""
    return secrets.token_hex(20)


def check_secrets(data_dir: Path) -> None:
    """Check that nobody else can have read one of the secrets. Raises Refused."""
    for name in SECRETS:
        with contextlib.suppress(FileNotFoundError):
            check_private(data_dir / name)


def load_or_make(path: Path) -> str:
    """Return the secret in a file.

    If there is no file, create one for its owner alone. Raises Refused, OSError.
    """
    try:
        return load(path)
    except FileNotFoundError:
        secret = new_secret()
        write_private(path, secret + "\n")
        return secret


def load(path: Path) -> str:
    """Return the secret in a file.

    Raises Refused if it is damaged or not private; FileNotFoundError, OSError.
    """
    check_private(path)
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if len(text) < SHORTEST or not text.isascii() or not text.isprintable():
        raise Refused(
            f"{path} is empty or damaged: restore it from a backup, or delete it to have a new one made"
        )
    return text


def read(data_dir: Path) -> list[Key]:
    """Return the additional keys. Raises Refused if the file is damaged."""
    path = data_dir / FILE
    try:
        check_private(path)
        found = [Key(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError) as error:
        raise Refused(damaged(path)) from error
    if not all(key.is_sound() for key in found):
        raise Refused(damaged(path))
    return found


def damaged(path: Path) -> str:
    """Return a message that says what to do about a damaged file."""
    return f"{path} is damaged: restore it from a backup, or delete it and make new keys"


def make(data_dir: Path, name: str) -> str:
    """Create a key with that name and return it. It cannot be read again later."""
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} is not a name for a key: letters, digits, dots, dashes and underscores")
    secret = new_secret()
    with changed(data_dir) as keys:
        if name == OWN or any(key.name == name for key in keys):
            raise Refused(f"there is a key {name} already: choose another name, or revoke it first")
        keys.append(Key(name, now(), digest(secret)))
    return secret


def revoke(data_dir: Path, name: str) -> None:
    """Revoke the key with that name."""
    if name == OWN:
        raise Refused(f"to replace the server's own key, stop it, delete {data_dir / 'key'} and start it")
    with changed(data_dir) as keys:
        kept = [key for key in keys if key.name != name]
        if len(kept) == len(keys):
            names = ", ".join(key.name for key in keys)
            raise Refused(f"there is no key {name}" + (f"; there are: {names}" if names else ""))
        keys[:] = kept


@contextlib.contextmanager
def changed(data_dir: Path) -> Iterator[list[Key]]:
    """Yield the list of keys to change it; one process at a time.

    It is stored as a whole if nothing fails.
    """
    with opened(data_dir) as folder:
        fcntl.flock(folder, fcntl.LOCK_EX)
        keys = read(data_dir)
        yield keys
        write_private(data_dir / FILE, json.dumps([asdict(key) for key in keys], indent=1))


class Keyring:
    """The keys of a running server. Raises Refused if the server cannot start with them."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._own = digest(load_or_make(data_dir / "key"))
        self._version: tuple[int, int, int] | None = None
        self._others = [key.sha256 for key in read(data_dir)]

    def digests(self) -> list[str]:
        """Return the hashes of all keys as of now."""
        if (version := self._look()) != self._version:
            self._version = version
            self._others = self._read_again()
        return [self._own, *self._others]

    def _read_again(self) -> list[str]:
        try:
            return [key.sha256 for key in read(self._data_dir)]
        except (Refused, OSError) as error:
            log.error("only the server's own key is taken: %s", error)
            return []

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = (self._data_dir / FILE).stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def find(self, presented: str) -> str | None:
        """Return the hash of a key if it is one of these.

        The time this takes reveals nothing about the keys.
        """
        wanted = digest(presented)
        found = [known for known in self.digests() if hmac.compare_digest(wanted, known)]
        return wanted if found and len(presented) >= SHORTEST else None
