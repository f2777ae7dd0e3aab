"""Copies a data directory while its server runs. The copy can be served as it is."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from metasweep.server.access import keys
from metasweep.server.context import Settings
from metasweep.server.errors import Refused
from metasweep.server.store import blobs, files, sessions

LOCK_WAIT = 30.0  # seconds


def back_up(data_dir: Path, target: Path) -> None:
    """Copy to a new directory, which gets its name only when it is complete. Raises Refused, OSError."""
    source = Settings(data_dir)
    if not source.database_path.exists():
        raise Refused(f"there is no database in {data_dir}: name its directory with --server-dir")
    if target.exists():
        raise Refused(f"{target} exists already: name a new directory")
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    try:
        copy_all(source, Settings(partial))
        partial.rename(target)
    except sqlite3.Error as error:
        raise Refused(f"{source.database_path} cannot be read ({error})") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def copy_all(source: Settings, target: Settings) -> None:
    """Copy the secrets, the database as of one moment, and every file that it names."""
    for name in filter(lambda name: (source.data_dir / name).exists(), keys.SECRETS):
        shutil.copy2(source.data_dir / name, target.data_dir / name)
    with (
        tempfile.TemporaryDirectory(prefix=".backup-", dir=source.data_dir) as held,
        contextlib.closing(sqlite3.connect(source.database_path, isolation_level=None)) as original,
        contextlib.closing(sqlite3.connect(target.database_path)) as copy,
    ):
        hold(source, Path(held), original)
        original.backup(copy)
        # so that signing out later on the server cannot leave a session open in the copy
        sessions.end_all(copy)
        copy.commit()
        for blob in Path(held).iterdir():
            there = blobs.path_of(target.files_dir, blob.name)
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(blob, there)


def hold(source: Settings, held: Path, original: sqlite3.Connection) -> None:
    """Start a read transaction, and hard-link every blob that it names into `held`.

    Meanwhile nothing can be written, and the server removes a blob only after a write that deletes its row.
    So all blobs exist, and they stay when the server later replaces or deletes them.
    """
    with contextlib.closing(sqlite3.connect(source.database_path, LOCK_WAIT, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        original.execute("BEGIN")
        for blob in files.blobs(original):
            os.link(blobs.path_of(source.files_dir, blob), held / blob)
