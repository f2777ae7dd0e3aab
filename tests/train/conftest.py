"""The training program as a person runs it, and one thread for what runs in this process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from train.data import DataSet, Scale, Split

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny batches gain nothing from more threads, and lose much on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def train(tmp_path: Path) -> Run:
    """Run ``python -m train`` with some arguments as a process, offline, in an empty folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
        own = {
            "WANDB_MODE": "offline",
            "WANDB_DIR": str(tmp_path),
            "HOME": str(tmp_path),
            "WANDB_SILENT": "true",
        }
        env = inherited | own | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
        command = [sys.executable, "-m", "train", *arguments]
        return subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240, check=False
        )

    return run


@pytest.fixture
def tiny() -> DataSet:
    """Ten noisy patterns of 8 x 8 pixels; 530 training images, so that the last batch is a small one."""
    generator = torch.Generator().manual_seed(7)
    patterns = torch.randn(10, 1, 8, 8, generator=generator)

    def split(count: int) -> Split:
        labels = torch.randint(10, (count,), generator=generator)
        images = patterns[labels] + 0.5 * torch.randn(count, 1, 8, 8, generator=generator)
        return Split(images, labels, Scale(0, 1))

    return DataSet(split(530), split(70), split(70), tuple("0123456789"))
