"""A small disk that can be filled: a file system in memory, which takes root to mount."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SIZE = 768 << 20
PIECE = bytes(1 << 20)


@contextmanager
def small_disk(size: int = SIZE) -> Iterator[Path | None]:
    """A folder on a disk of its own, of so many bytes; None where this user may not mount one."""
    with tempfile.TemporaryDirectory(prefix="metasweep-disk-") as folder:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", folder]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill what is left of a disk for a while."""
    filler = disk / "filler"
    try:
        with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(PIECE)
        yield
    finally:
        filler.unlink()
