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
SHORTEST = 32  # characters of a secret: no guessing gets there
log = logging.getLogger("server")


@dataclass(frozen=True)
class Key:
    """What is kept of a key. It is random: a fast hash without salt gives nothing away."""

    name: str
    created_at: str
    sha256: str

    def is_sound(self) -> bool:
        """Whether the parts are what their names say."""
        texts = all(isinstance(part, str) for part in (self.name, self.created_at, self.sha256))
        return texts and re.fullmatch("[0-9a-f]{64}", self.sha256) is not None


def digest(key: str) -> str:
    """The hash by which a key is known."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


def new_secret() -> str:
    """A new key: 40 hex digits, the form that clients insist on."""
    return secrets.token_hex(20)


def check_secrets(data_dir: Path) -> None:
    """Refused when others may have read one of the secrets."""
    for name in SECRETS:
        with contextlib.suppress(FileNotFoundError):
            check_private(data_dir / name)


def load_or_make(path: Path) -> str:
    """The secret in a file; a new one, for its owner alone, when there is none. Refused, OSError."""
    try:
        return load(path)
    except FileNotFoundError:
        secret = new_secret()
        write_private(path, secret + "\n")
        return secret


def load(path: Path) -> str:
    """The secret in a file. Refused when it is none, or is not kept secret; FileNotFoundError, OSError."""
    check_private(path)
    text = path.read_text(encoding="utf-8", errors="replace").strip()
    if len(text) < SHORTEST or not text.isascii() or not text.isprintable():
        raise Refused(
            f"{path} is empty or damaged: restore it from a backup, or delete it to have a new one made"
        )
    return text


def read(data_dir: Path) -> list[Key]:
    """The keys besides the server's own. Raises Refused when the file is not what this module wrote."""
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
    """What to do about a file that this module has not written."""
    return f"{path} is damaged: restore it from a backup, or delete it and make new keys"


def make(data_dir: Path, name: str) -> str:
    """Make a key of that name; it is returned, and can never be read again."""
    if not NAME.fullmatch(name):
        raise Refused(f"{name!r} is not a name for a key: letters, digits, dots, dashes and underscores")
    secret = new_secret()
    with changed(data_dir) as keys:
        if name == OWN or any(key.name == name for key in keys):
            raise Refused(f"there is a key {name} already: choose another name, or revoke it first")
        keys.append(Key(name, now(), digest(secret)))
    return secret


def revoke(data_dir: Path, name: str) -> None:
    """Withdraw the key of that name."""
    if name == OWN:
        raise Refused(f"to replace the server's own key, stop it, delete {data_dir / 'key'} and start it")
    with changed(data_dir) as keys:
        kept = [key for key in keys if key.name != name]
        if len(kept) == len(keys):
            names = ", ".join(key.name for key in keys) or "none"
            raise Refused(f"there is no key {name}; there are: {names}")
        keys[:] = kept


@contextlib.contextmanager
def changed(data_dir: Path) -> Iterator[list[Key]]:
    """The keys, to be changed by one process at a time; they are stored as a whole when all went well."""
    with opened(data_dir) as folder:
        fcntl.flock(folder, fcntl.LOCK_EX)
        keys = read(data_dir)
        yield keys
        write_private(data_dir / FILE, json.dumps([asdict(key) for key in keys], indent=1))


class Keyring:
    """The keys of a running server. Raises Refused when it cannot start with them."""

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
        """The hash of a key, if it is one of these; the time that it takes tells nothing about them."""
        wanted = digest(presented)
        found = [known for known in self.digests() if hmac.compare_digest(wanted, known)]
        return wanted if found and len(presented) >= SHORTEST else None
