"""Where the bytes of files are: in one folder, under random names that the database stores."""

from collections.abc import Iterable
from pathlib import Path


def path_of(folder: Path, blob: str) -> Path:
    """Return the path of a blob."""
    return folder / blob[:2] / blob


def remove(folder: Path, blobs: Iterable[str]) -> None:
    """Remove blobs that no row names."""
    for blob in blobs:
        path_of(folder, blob).unlink(missing_ok=True)
