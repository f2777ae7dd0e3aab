"""Sample images of the data set, from its files on this machine, since the API does not have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

EACH = 4  # images per class
HEADERS = {"images": 16, "labels": 8}  # bytes, of the IDX format
FOLDERS = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST"}

Images = NDArray[np.float64]


def sample_images(dataset: str, data_dir: Path, names: Sequence[str]) -> dict[str, Images]:
    """Return the first images of every class.

    Args:
        dataset: its name, as in `python -m train`.
        data_dir: the folder of the data sets.
        names: of the classes, in the order of their numbers.

    Returns:
        class name -> shape [images, height, width], 0 to 1; empty if the images are not here.
    """
    found = _digits() if dataset == "digits" else _idx(data_dir / FOLDERS.get(dataset, "") / "raw")
    if found is None:
        return {}
    images, labels = found
    return {name: images[labels == number][:EACH] for number, name in enumerate(names)}


def _digits() -> tuple[Images, NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    source = load_digits()
    return source.images / 16, source.target


def _idx(folder: Path) -> tuple[Images, NDArray[np.int64]] | None:
    """Return the test set in the files that torchvision keeps; None if they are missing or damaged."""
    try:
        raw = {
            kind: np.fromfile(folder / f"t10k-{kind}-idx{rank}-ubyte", dtype=np.uint8, offset=HEADERS[kind])
            for kind, rank in (("images", 3), ("labels", 1))
        }
        return raw["images"].reshape(-1, 28, 28) / 255, raw["labels"].astype(np.int64)
    except (OSError, ValueError):
        return None
