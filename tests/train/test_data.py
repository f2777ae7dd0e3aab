"""The splits, the pixels, and what happens when the files are not there or not right."""

import shutil
import struct
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from train import data
from train.config import Config
from train.errors import TrainError
from train.loop import Training


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=300),
    share=st.floats(0, 1, exclude_min=True, exclude_max=True),
)
def test_a_split_is_disjoint_complete_and_stratified(labels: list[int], share: float) -> None:
    classes = torch.tensor(labels)
    held_out, kept = data.stratified_split(classes, share)
    assert sorted(held_out.tolist() + kept.tolist()) == list(range(len(labels)))
    assert len(held_out) == round(len(labels) * share)
    for name in set(labels):
        exact = labels.count(name) * len(held_out) / len(labels)
        assert abs((classes[held_out] == name).sum().item() - exact) <= 1


def test_digits_are_those_of_scikit_learn_normalised() -> None:
    digits = data.load("digits", "unused", 0.1)
    parts = (digits.train, digits.val, digits.test)
    assert [len(part) for part in parts] == [1294, 144, 359]
    pixels = torch.cat([part.images for part in parts]).reshape(-1, 64)
    source = load_digits().data
    # Undo the shift and the scale by two known pixels: what is left must be scikit-learn's images.
    low, high = pixels.min(), pixels.max()
    restored = ((pixels - low) / (high - low) * 16).round().to(torch.int64).numpy()
    assert sorted(map(bytes, restored.astype(np.uint8))) == sorted(map(bytes, source.astype(np.uint8)))
    development = torch.cat([digits.train.images, digits.val.images])
    assert development.mean().item() == pytest.approx(0, abs=1e-5)
    assert development.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_a_compact_data_set_is_a_quarter_and_gives_the_same_images() -> None:
    digits = data.load("digits", "unused", 0.1)
    compact = digits.compact()
    scale, pixels = digits.test.scale, compact.test.images
    assert torch.equal(digits.test.images, (pixels.float() - scale.mean) / scale.std)
    assert compact.train.images.nbytes * 4 == digits.train.images.nbytes
    index = torch.tensor([[3, 1290, 0], [7, 7, 8]])
    for whole, small in ((digits.train, compact.train), (digits.test, compact.test)):
        for rows in (index[1], index % len(whole)):
            assert torch.equal(small[rows].images, whole.images[rows])
            assert torch.equal(small[rows].labels, whole.labels[rows])
        batches = list(small.batches(100))
        assert torch.equal(torch.cat([batch.images for batch in batches]), whole.images)
        assert torch.equal(torch.cat([batch.labels for batch in batches]), whole.labels)


@pytest.mark.parametrize("model", ["dense", "cnn"])
def test_a_training_on_a_compact_data_set_is_the_same(model: Literal["dense", "cnn"]) -> None:
    digits = data.load("digits", "unused", 0.1)
    config, courses = Config(model=model, dataset="digits", lr=0.01), []
    for data_set in (digits, digits.compact()):
        training = Training(config, data_set, torch.device("cpu"), torch.float32)
        intervals = list(training.train_epoch())
        courses.append((intervals, [evaluation.loss for evaluation in training.evaluate_epoch()]))
    assert courses[0] == courses[1]


def test_one_data_set_is_loaded_once() -> None:
    assert data.load("digits", "unused", 0.2) is data.load("digits", "unused", 0.2)


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}i", 0x0800 + array.ndim, *array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def fashion_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files in the format and the size of Fashion-MNIST, of random pixels."""
    folder = tmp_path_factory.mktemp("data")
    raw = folder / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name, count in (("train", 60_000), ("t10k", 10_000)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (raw / f"{name}-images-idx3-ubyte").write_bytes(_idx(images))
        (raw / f"{name}-labels-idx1-ubyte").write_bytes(_idx((np.arange(count) % 10).astype(np.uint8)))
    return folder


def test_files_are_read_without_a_download(fashion_dir: Path) -> None:
    data_set = data.load("fashion-mnist", str(fashion_dir), 0.1)
    assert [len(part) for part in (data_set.train, data_set.val, data_set.test)] == [54_000, 6_000, 10_000]
    assert data_set.classes[0] == "T-shirt/top"
    assert data_set.val.labels.bincount().tolist() == [600] * 10


@pytest.mark.parametrize("damage", ["cut short", "empty", "not an image file", "labels of another set"])
def test_a_corrupt_file_is_named(fashion_dir: Path, tmp_path: Path, damage: str) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    shutil.copytree(fashion_dir / "FashionMNIST" / "raw", raw)
    images, labels = raw / "t10k-images-idx3-ubyte", raw / "t10k-labels-idx1-ubyte"
    whole = images.read_bytes()
    if damage == "cut short":
        images.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        images.write_bytes(b"")
    elif damage == "not an image file":
        images.write_bytes(b"<html>404</html>" * 1000)
    else:
        labels.write_bytes(_idx(np.full(10_000, 77, dtype=np.uint8)))
    with pytest.raises(TrainError) as error:
        data.load("fashion-mnist", str(tmp_path), 0.1)
    message = error.value.format_message()
    assert str(raw) in message
    assert "\n" not in message


def test_a_share_of_the_test_images_is_drawn_by_class_and_seed() -> None:
    whole = data.load("digits", "unused", 0.1)
    parts = [whole.with_test_share(0.25, seed) for seed in (1, 1, 2)]
    assert [len(part.test) for part in parts] == [90, 90, 90]  # of 359
    counts = torch.tensor([part.class_counts["test"] for part in parts])
    assert (counts - torch.tensor(whole.class_counts["test"]) / 4).abs().max() <= 1
    assert torch.equal(parts[0].test.images, parts[1].test.images)
    assert not torch.equal(parts[0].test.images, parts[2].test.images)
    assert parts[0].train is whole.train
    with pytest.raises(TrainError, match="--test-size"):
        whole.with_test_share(0.0001, 1)
