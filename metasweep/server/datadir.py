"""The data directory: its owner's alone, held by one server at a time, whose address is written in it."""

import contextlib
import fcntl
import json
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from metasweep.server.errors import Refused

OTHERS = stat.S_IRWXG | stat.S_IRWXO  # what the group and everybody else may do
DESCRIPTION = "server.json"


@dataclass(frozen=True)
class Running:
    """How the server that holds the directory is reached: by clients, from this machine, by a signal."""

    url: str
    local: str
    pid: int

    def is_sound(self) -> bool:
        """Whether the parts are what their names say."""
        urls = all(isinstance(url, str) and is_url(url) for url in (self.url, self.local))
        return urls and type(self.pid) is int and self.pid > 1


def is_url(text: str) -> bool:
    """Whether a text is the address of a web server."""
    try:
        return urlsplit(text).scheme in ("http", "https") and bool(urlsplit(text).hostname)
    except ValueError:  # half an IPv6 address
        return False


def check_owner(path: Path) -> None:
    """Refused when a path belongs to somebody else, who decides then what is read from it."""
    try:
        owner = path.stat().st_uid
    except FileNotFoundError:
        return
    if owner != os.geteuid():
        raise Refused(f"{path} belongs to {user_name(owner)}: choose a --server-dir of your own")


def user_name(uid: int) -> str:
    """The login name of a user, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def make_folder(data_dir: Path) -> None:
    """Make the directory when there is none. Refused when it belongs to somebody else; OSError."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_owner(data_dir)


def make_private(data_dir: Path) -> None:
    """Take from others what they may do in the directory: in an older state, the umask decided. OSError."""
    for here, folders, files, descriptor in os.fwalk(data_dir):
        take_from_others(here, os.fstat(descriptor).st_mode)
        for name in folders + files:
            with contextlib.suppress(FileNotFoundError):  # a passing file, as a database has them
                take_from_others(Path(here, name), os.lstat(Path(here, name)).st_mode)


def take_from_others(path: str | Path, mode: int) -> None:
    """Leave what a file or a folder with this mode allows to its owner alone."""
    if mode & OTHERS and not stat.S_ISLNK(mode):
        os.chmod(path, stat.S_IMODE(mode) & ~OTHERS)  # noqa: PTH101 - a text, or a path


def write_private(path: Path, text: str) -> None:
    """Store a text for its owner alone. OSError.

    After a full disk or a power cut, all of it is there, or what was there before.
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
    """Refused when others can read a secret, or put theirs in its place. FileNotFoundError."""
    check_owner(path)
    if path.stat().st_mode & OTHERS:
        raise Refused(f"{path} can be read by others: make a new one, or chmod 600 {path} if nobody has")


def hold(data_dir: Path) -> None:
    """Claim the directory for this process until it ends; Refused when another has it. OSError."""
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until the process ends
    except BlockingIOError as error:
        raise Refused(
            f"a server is already running on {data_dir}: stop it, or choose another --server-dir"
        ) from error
    (data_dir / DESCRIPTION).unlink(missing_ok=True)  # of a server that was killed


def is_held(data_dir: Path) -> bool:
    """Whether a server has the directory."""
    try:
        with (data_dir / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no such directory
        return False
    return False


def describe(data_dir: Path, running: Running) -> None:
    """Say how this server is reached. OSError."""
    write_private(data_dir / DESCRIPTION, json.dumps(asdict(running)))


def find_running(data_dir: Path) -> Running | None:
    """How the server that holds the directory is reached; None when there is none, or it only begins.

    Raises Refused for a directory of somebody else's, and for a description that makes no sense.
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
    """What to do about a description that makes no sense."""
    return f"{path} is damaged: end the server (fuser {path.with_name('lock')} names it) and start it again"
