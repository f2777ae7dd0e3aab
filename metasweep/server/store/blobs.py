"""Where the bytes of files lie: in the folder of files, under random names that rows know."""

from collections.abc import Iterable
from pathlib import Path


def path_of(folder: Path, blob: str) -> Path:
    """The file of a blob."""
    return folder / blob[:2] / blob


def remove(folder: Path, blobs: Iterable[str]) -> None:
    """Remove the bytes of blobs that no row names."""
    for blob in blobs:
        path_of(folder, blob).unlink(missing_ok=True)
