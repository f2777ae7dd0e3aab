"""The data directory. It is private, one server at a time holds it, and it holds that server's address."""

import contextlib
import fcntl
import json
import os
import pwd
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from metasweep.client.account import is_address
from metasweep.server.errors import Refused

OTHERS = stat.S_IRWXG | stat.S_IRWXO  # permissions of the group and of everybody else
DESCRIPTION = "server.json"
PORT = "port"  # the file that remembers where the last server listened
LOOK_SECONDS = 0.5  # others hold the lock for a moment while they look whether a server has it


@dataclass(frozen=True)
class Running:
    """How to reach the server that holds the directory: for clients, from this machine, and by a signal."""

    url: str
    local: str
    pid: int

    def is_sound(self) -> bool:
        """Return whether the fields have the right form."""
        urls = all(isinstance(url, str) and is_address(url) for url in (self.url, self.local))
        return urls and type(self.pid) is int and self.pid > 1


def check_owner(path: Path) -> None:
    """Raise Refused if a path belongs to another user, who could change what is read from it."""
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        return
    if owner != os.geteuid():
        raise Refused(f"{path} belongs to {user_name(owner)}: choose a --server-dir of your own")


def user_name(uid: int) -> str:
    """Return a user's login name, or the number if there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def make_folder(data_dir: Path) -> None:
    """Create the directory if needed. Raises Refused if it belongs to another user; OSError."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_owner(data_dir)


def make_private(data_dir: Path) -> None:
    """Remove all permissions of other users in the directory.

    Older versions left them to the umask. OSError.
    """
    for here, folders, files, descriptor in os.fwalk(data_dir):
        take_from_others(here, os.fstat(descriptor).st_mode)
        for name in folders + files:
            with contextlib.suppress(FileNotFoundError):  # a temporary file, such as databases have
                take_from_others(Path(here, name), os.lstat(Path(here, name)).st_mode)


def take_from_others(path: str | Path, mode: int) -> None:
    """Remove the permissions of other users from a file or folder with this mode."""
    if mode & OTHERS and not stat.S_ISLNK(mode):
        os.chmod(path, stat.S_IMODE(mode) & ~OTHERS)  # noqa: PTH101 - a text, or a path


def write_private(path: Path, text: str) -> None:
    """Store a text that only its owner may read. Raises OSError.

    After a full disk or a power cut the file holds either the new text or the old one.
    """
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    with opened(path.parent) as folder:
        os.fsync(folder)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[int]:
    """The descriptor of a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def check_private(path: Path) -> None:
    """Raise Refused if others can read or replace a secret. Raises FileNotFoundError."""
    check_owner(path)
    if path.stat().st_mode & OTHERS:
        raise Refused(f"{path} can be read by others: make a new one, or chmod 600 {path} if nobody has")


def hold(data_dir: Path) -> None:
    """Lock the directory for this process until it ends.

    Raises Refused if another process has it; OSError.
    """
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + LOOK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until the process ends
            break
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                raise Refused(
                    f"a server is already running on {data_dir}: stop it, or choose another --server-dir"
                ) from error
            time.sleep(0.01)
    (data_dir / DESCRIPTION).unlink(missing_ok=True)  # left by a server that was killed


def is_held(data_dir: Path) -> bool:
    """Return whether a server has the directory."""
    try:
        with (data_dir / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # the directory does not exist
        return False
    return False


def describe(data_dir: Path, running: Running) -> None:
    """Store how to reach this server. Raises OSError."""
    write_private(data_dir / DESCRIPTION, json.dumps(asdict(running)))
    write_private(data_dir / PORT, str(urlsplit(running.local).port))


def last_port(data_dir: Path) -> int | None:
    """Return the port of the last server of this directory: clients still look for it there."""
    try:
        port = int((data_dir / PORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return port if 0 < port < 1 << 16 else None


def find_running(data_dir: Path) -> Running | None:
    """Return how to reach the server that holds the directory.

    None if there is none, or if it is only starting.

    Raises Refused for another user's directory and for a damaged description.
    """
    check_owner(data_dir)
    path = data_dir / DESCRIPTION
    if not is_held(data_dir):
        return None
    try:
        found = Running(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise Refused(damaged(path)) from error
    if not found.is_sound():
        raise Refused(damaged(path))
    return found


def damaged(path: Path) -> str:
    """Return a message that says what to do about a damaged description."""
    return f"{path} is damaged: end the server (fuser {path.with_name('lock')} names it) and start it again"
