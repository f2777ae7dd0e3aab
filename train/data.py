"""Data sets as whole tensors, decoded once and kept on the device.

On the CPU they are normalised once for all runs.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from train.config import Config
from train.errors import TrainError

SPLIT_SEED = 0  # one split for all runs, so that their validation accuracies can be compared
DIGITS_TEST_SHARE = 0.2  # digits has no test set of its own
UNREADABLE = (OSError, ValueError, TypeError, RuntimeError, AssertionError, IndexError, KeyError)


@dataclass(frozen=True)
class Scale:
    """Shift and scale of pixels: mean and standard deviation of all training pixels."""

    mean: float
    std: float

    def normalise(self, pixels: Tensor) -> Tensor:
        """Return float32 for uint8. Only one tensor: new memory takes longer than the arithmetic."""
        return pixels.float().sub_(self.mean).div_(self.std)

    def pixels(self, images: Tensor) -> Tensor:
        """Return the uint8 from which `normalise` has made these."""
        return (images * self.std + self.mean).round().to(torch.uint8)


@dataclass(frozen=True)
class Split:
    """Images (n, 1, height, width), normalised float32 or the file's uint8; and class numbers, int64 (n,)."""

    images: Tensor
    labels: Tensor
    scale: Scale

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Tensor) -> "Split":
        """Return some of the images, normalised.

        An index (members, n) gives images (members, n, 1, height, width).
        """
        if index.dim() == 1:  # the faster way on a CPU
            return self._normalised(self.images.index_select(0, index), self.labels.index_select(0, index))
        return self._normalised(self.images[index], self.labels[index])

    def batches(self, size: int) -> Iterator["Split"]:
        """Yield all of them in order, normalised, ``size`` at a time."""
        for images, labels in zip(self.images.split(size), self.labels.split(size), strict=True):
            yield self._normalised(images, labels)

    def to(self, device: torch.device) -> "Split":
        """The same split on ``device``."""
        return replace(self, images=self.images.to(device), labels=self.labels.to(device))

    def compact(self) -> "Split":
        """The same split in a quarter of the memory: images are normalised only when they are used."""
        return replace(self, images=self.scale.pixels(self.images))

    def _normalised(self, images: Tensor, labels: Tensor) -> "Split":
        return Split(
            self.scale.normalise(images) if images.dtype == torch.uint8 else images, labels, self.scale
        )


@dataclass(frozen=True)
class DataSet:
    """The three parts of a data set and the names of its classes."""

    train: Split
    val: Split
    test: Split
    classes: tuple[str, ...]

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width of an image."""
        height, width = self.train.images.shape[-2:]
        return height, width

    @property
    def class_counts(self) -> dict[str, list[int]]:
        """Images of each class in the three parts."""
        parts = {"train": self.train, "val": self.val, "test": self.test}
        count = len(self.classes)
        return {name: part.labels.bincount(minlength=count).tolist() for name, part in parts.items()}

    def with_test_share(self, share: float, seed: int) -> "DataSet":
        """Return the same data set with a ``share`` of its test images, by class, drawn by ``seed``.

        Raises `TrainError` if no image is left.
        """
        kept, _ = stratified_split(self.test.labels, share, seed)
        if not len(kept):
            raise TrainError(f"--test-size {share:g} leaves no image to test on: choose a larger share")
        return replace(self, test=self.test[kept])

    def to(self, device: torch.device) -> "DataSet":
        """Return the same data set on ``device``.

        On a GPU it stays compact, since memory is scarcer there than arithmetic.
        """
        here = self.compact() if device.type == "cuda" else self
        return DataSet(here.train.to(device), here.val.to(device), here.test.to(device), here.classes)

    def compact(self) -> "DataSet":
        """The same data set in a quarter of the memory."""
        return DataSet(self.train.compact(), self.val.compact(), self.test.compact(), self.classes)


def load_for(config: Config) -> DataSet:
    """Return the data set of a run, with the share of test images that the run uses."""
    data_set = load(config.dataset, config.data_dir, config.val_size)
    return data_set if config.test_size == 1 else data_set.with_test_share(config.test_size, config.seed)


@functools.lru_cache(maxsize=1)
def load(name: str, data_dir: str, val_size: float) -> DataSet:
    """Load, split and normalise. A second call, also in a forked process, returns the same tensors.

    ``val_size`` is the share of the training images held out. The pixels are shifted and scaled by the mean
    and the standard deviation of all training images.
    """
    if name == "digits":
        (images, labels), (test_images, test_labels), classes = _digits()
    else:
        (images, labels), (test_images, test_labels), classes = _torchvision(name, Path(data_dir))
    scale = _scale(images)
    held_out, kept = stratified_split(labels, val_size)
    if min(len(labels[part].unique()) for part in (held_out, kept)) < len(classes):
        raise TrainError(
            f"--val-size {val_size:g} leaves a class of {name} without images: choose another size"
        )

    def split(images: Tensor, labels: Tensor) -> Split:
        return Split(scale.normalise(images).unsqueeze(1), labels, scale)

    return DataSet(
        train=split(images[kept], labels[kept]),
        val=split(images[held_out], labels[held_out]),
        test=split(test_images, test_labels),
        classes=classes,
    )


def stratified_split(labels: Tensor, share: float, seed: int = SPLIT_SEED) -> tuple[Tensor, Tensor]:
    """Return sorted indices of a held-out ``share`` of ``labels``, and of the rest.

    Every class holds out its share, rounded up or down. The images within a class are drawn at random by
    ``seed``, so the split depends only on the arguments.
    """
    shuffled = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    count = round(len(labels) * share)
    # Evenly spaced picks from the images, sorted by class: as stratified as possible.
    picks = ((torch.arange(count, dtype=torch.float64) + 0.5) * len(labels) / max(count, 1)).long()
    held_out = torch.zeros(len(labels), dtype=torch.bool)
    held_out[by_class[picks]] = True
    return held_out.nonzero().flatten(), (~held_out).nonzero().flatten()


def _scale(images: Tensor) -> Scale:
    """Return mean and standard deviation of the pixels, uint8 (n, height, width).

    They are exact, since they come from the counts of the 256 values.
    """
    counts = images.flatten().bincount(minlength=256).double()
    values = torch.arange(len(counts), dtype=torch.float64)
    mean = (counts * values).sum() / counts.sum()
    variance = (counts * (values - mean) ** 2).sum() / counts.sum()
    return Scale(mean.item(), variance.sqrt().item())


Raw = tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], tuple[str, ...]]


def _digits() -> Raw:
    """1,797 digits of 8 x 8 pixels, in scikit-learn's package, with a fixed stratified test set."""
    from sklearn.datasets import load_digits

    source = load_digits()
    images, labels = torch.from_numpy(source.images).to(torch.uint8), torch.from_numpy(source.target).long()
    test, train = stratified_split(labels, DIGITS_TEST_SHARE)
    classes = tuple(str(name) for name in source.target_names)
    return (images[train], labels[train]), (images[test], labels[test]), classes


def _torchvision(name: str, data_dir: Path) -> Raw:
    """MNIST or Fashion-MNIST from their files in ``data_dir``. Missing files are downloaded."""
    from torchvision import datasets

    source = {"mnist": datasets.MNIST, "fashion-mnist": datasets.FashionMNIST}[name]
    folder = data_dir / source.__name__ / "raw"
    _download_missing(source, data_dir, folder)
    try:
        parts = [source(data_dir, train=train) for train in (True, False)]
        for part, size in zip(parts, (60_000, 10_000), strict=True):
            if part.data.shape != (size, 28, 28) or part.targets.shape != (size,) or part.targets.max() > 9:
                raise ValueError("not the images and labels of this data set")
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else "damaged"
        raise TrainError(
            f"{name}: corrupt files in {folder} ({reason}): delete them or give --data-dir"
        ) from error
    train, test = ((part.data, part.targets) for part in parts)
    return train, test, tuple(class_name.split(" - ")[0] for class_name in source.classes)


def _download_missing(source: Any, data_dir: Path, folder: Path) -> None:
    """Download the files of ``source`` that ``folder`` lacks."""
    names = [Path(archive).stem for archive, _ in source.resources]
    missing = [name for name in names if not (folder / name).is_file()]
    if not missing:
        return
    try:
        source(data_dir, download=True)
    except (OSError, RuntimeError) as error:
        raise TrainError(
            f"{folder} lacks {', '.join(missing)} and the download failed: "
            f"put the files there or name the folder that holds {source.__name__}/ with --data-dir"
        ) from error
