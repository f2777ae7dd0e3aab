"""Training and evaluating, nothing else: no logging, no files, no command line."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.config import Config
from train.data import DataSet, Split
from train.models import CLASSES, build
from train.optim import build_optimizer, lr_factor

LOG_EVERY = 50  # steps from one logged mean to the next: also how often the GPU is waited for


@dataclass(frozen=True)
class Interval:
    """Means over the training images of some consecutive steps; ``step`` counts from the run's start."""

    step: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """Mean loss, and counts (classes, classes) of images by true and by predicted class."""

    loss: float
    confusion: Tensor

    @property
    def accuracy(self) -> float:
        """Share of the images that were classified right."""
        return self.confusion.trace().item() / self.confusion.sum().item()


class Training:
    """Everything that changes from step to step: network, optimizer, generators, steps done."""

    def __init__(self, config: Config, data: DataSet, device: torch.device, dtype: torch.dtype) -> None:
        """Fresh weights; torch's global generator, seeded here, draws them and the dropout."""
        torch.manual_seed(config.seed)
        self.config, self.data = config, data
        self.model = build(config.model, data.image_shape, config.dp)
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = build_optimizer(config.optimizer, self.model, config.lr)
        self.order = torch.Generator().manual_seed(config.seed)
        self._order_at_start = self.order.get_state()  # of the epoch under way
        self.step = 0
        reduced = dtype != torch.float32
        self.arithmetic = torch.autocast(device.type, dtype) if reduced else contextlib.nullcontext()

    @property
    def steps_per_epoch(self) -> int:
        """Batches in the training images; the last one may be smaller."""
        return -(-len(self.data.train) // self.config.batch_size)

    @property
    def epochs_done(self) -> int:
        """Complete passes over the training images."""
        return self.step // self.steps_per_epoch

    @property
    def between_epochs(self) -> bool:
        """Whether no epoch is under way."""
        return self.step % self.steps_per_epoch == 0

    def train_epoch(self) -> Iterator[Interval]:
        """Train on every training image once, yielding the means of each logging interval.

        After `restore`, on those that are left of the epoch.
        """
        self.model.train()
        self._order_at_start = self.order.get_state()
        order = torch.randperm(len(self.data.train), generator=self.order)
        batches = order.to(self.data.train.labels.device).split(self.config.batch_size)
        for start in range(self.step % self.steps_per_epoch, len(batches), LOG_EVERY):
            yield self._train_steps(batches[start : start + LOG_EVERY])

    def state(self) -> dict[str, Any]:
        """Everything that the steps to come depend on; to be taken between two logging intervals."""
        order = self.order.get_state() if self.between_epochs else self._order_at_start
        on_gpu = self.data.train.labels.is_cuda
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order": order,
            "random": torch.get_rng_state(),
            "random_gpu": torch.cuda.get_rng_state() if on_gpu else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state` of a training with the same options.

        Raises KeyError, RuntimeError or ValueError for a state of another network or optimizer.
        """
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.order.set_state(state["order"])
        torch.set_rng_state(state["random"])
        if state["random_gpu"] is not None and self.data.train.labels.is_cuda:
            torch.cuda.set_rng_state(state["random_gpu"])
        self.step = state["step"]

    def _train_steps(self, batches: tuple[Tensor, ...]) -> Interval:
        """One step for each index tensor in ``batches``. The device is waited for once, at the end."""
        total_loss = torch.zeros((), device=batches[0].device)
        correct = torch.zeros((), device=batches[0].device, dtype=torch.int64)
        for index in batches:
            batch = self.data.train[index]
            loss, logits = self._train_step(batch)
            total_loss += loss * len(batch)
            correct += (logits.argmax(1) == batch.labels).sum()
        images = sum(len(index) for index in batches)
        return Interval(self.step, total_loss.item() / images, correct.item() / images)

    def _train_step(self, batch: Split) -> tuple[Tensor, Tensor]:
        for group in self.optimizer.param_groups:
            total = self.config.epochs * self.steps_per_epoch
            group["lr"] = self.config.lr * lr_factor(self.config.schedule, self.step, total)
        with self.arithmetic:
            logits = self.model(batch.images)
            loss = F.cross_entropy(logits, batch.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        return loss.detach(), logits.detach()

    def evaluate(self, split: Split) -> Evaluation:
        """Loss and confusion counts of the present network on ``split``."""
        with self.arithmetic:
            return evaluate(self.model, split, self.config.eval_batch_size)


@torch.inference_mode()
def evaluate(model: nn.Module, split: Split, batch_size: int) -> Evaluation:
    """Loss and confusion counts of ``model`` on ``split``, ``batch_size`` images at a time."""
    model.eval()
    total_loss = torch.zeros((), device=split.labels.device)
    counts = torch.zeros(CLASSES**2, device=split.labels.device, dtype=torch.int64)
    for images, labels in zip(split.images.split(batch_size), split.labels.split(batch_size), strict=True):
        logits = model(images)
        total_loss += F.cross_entropy(logits, labels, reduction="sum")
        counts += (labels * CLASSES + logits.argmax(1)).bincount(minlength=CLASSES**2)
    return Evaluation(total_loss.item() / len(split), counts.view(CLASSES, CLASSES).cpu())
