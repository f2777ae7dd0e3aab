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
from train.layers import replace_layers
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


class Course:
    """The steps and epochs of a training, wherever its arithmetic is done."""

    def __init__(self, config: Config, data: DataSet) -> None:
        """At the start: no step is done."""
        self.config, self.data = config, data
        self.step = 0

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

    def has_turn(self) -> bool:
        """Whether the device is ours, after waiting for it for a moment."""
        return True

    def train_epoch(self) -> Iterator[Interval]:
        """Train on every training image once, yielding the means of each logging interval.

        After `restore`, on those that are left of the epoch.
        """
        raise NotImplementedError

    def evaluate_epoch(self) -> tuple[Evaluation, Evaluation]:
        """The present network on the validation and on the test set."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Everything that the steps to come depend on; to be taken between two logging intervals."""
        raise NotImplementedError

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state` of a training with the same options.

        Raises KeyError, RuntimeError or ValueError for a state of another network or optimizer.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give the device to others: nothing more is asked."""


class Training(Course):
    """Everything that changes from step to step: network, optimizer, generators, steps done."""

    def __init__(self, config: Config, data: DataSet, device: torch.device, dtype: torch.dtype) -> None:
        """Fresh weights; torch's global generator, seeded here, draws them and the dropout."""
        super().__init__(config, data)
        torch.manual_seed(config.seed)
        self.model = build(config.model, data.image_shape, config.dp)
        if device.type == "cpu":
            replace_layers(self.model)
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = build_optimizer(config.optimizer, self.model, config.lr)
        self.order = torch.Generator().manual_seed(config.seed)
        self._order_at_start = self.order.get_state()  # of the epoch under way
        self.noise = default_generator(device)
        """What dropout draws from."""
        self._lr: float | None = None  # what the optimizer has
        reduced = dtype != torch.float32
        self.arithmetic = torch.autocast(device.type, dtype) if reduced else contextlib.nullcontext()

    def train_epoch(self) -> Iterator[Interval]:
        """Train on the images of this epoch that are left."""
        self.model.train()
        for batches in self.intervals():
            yield self._train_steps(batches)

    def intervals(self) -> Iterator[tuple[Tensor, ...]]:
        """The training images of an epoch, or of what is left of it: for each logging interval the indices
        (batch_size,) of each step."""
        self._order_at_start = self.order.get_state()
        order = torch.randperm(len(self.data.train), generator=self.order)
        batches = order.to(self.data.train.labels.device).split(self.config.batch_size)
        for start in range(self.step % self.steps_per_epoch, len(batches), LOG_EVERY):
            yield batches[start : start + LOG_EVERY]

    def state(self) -> dict[str, Any]:
        """Weights, moments and generators."""
        order = self.order.get_state() if self.between_epochs else self._order_at_start
        return {
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order": order,
            "noise": {self.noise.device.type: self.noise.get_state()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state`, also one of another device."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        for (
            parameter,
            moments,
        ) in self.optimizer.state.items():  # fused updates walk memory: all in one layout
            for name, value in moments.items():
                if value.shape == parameter.shape:
                    moments[name] = torch.empty_like(parameter).copy_(value)
        self.order.set_state(state["order"])
        if self.noise.device.type in state["noise"]:  # a GPU cannot go on with the numbers of a CPU
            self.noise.set_state(state["noise"][self.noise.device.type])
        self.step, self._lr = state["step"], None

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
        loss, right = torch.stack((total_loss.double(), correct.double())).tolist()
        return Interval(self.step, loss / images, right / images)

    def _train_step(self, batch: Split) -> tuple[Tensor, Tensor]:
        with self.arithmetic:
            logits = self.model(batch.images)
            loss = F.cross_entropy(logits, batch.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.set_lr()
        self.optimizer.step()
        self.step += 1
        return loss.detach(), logits.detach()

    def set_lr(self) -> None:
        """Give the optimizer the learning rate of the step to come."""
        total = self.config.epochs * self.steps_per_epoch
        lr = self.config.lr * lr_factor(self.config.schedule, self.step, total)
        if lr == self._lr:
            return
        self._lr = lr
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(lr)
            else:
                group["lr"] = lr

    def evaluate(self, split: Split) -> Evaluation:
        """Loss and confusion counts of the present network on ``split``."""
        with self.arithmetic:
            return evaluate(self.model, split, self.config.eval_batch_size)

    def evaluate_epoch(self) -> tuple[Evaluation, Evaluation]:
        """Validation and test set, one after the other."""
        return self.evaluate(self.data.val), self.evaluate(self.data.test)


def default_generator(device: torch.device) -> torch.Generator:
    """The generator that torch's own layers draw from on ``device``."""
    if device.type != "cuda":
        return torch.default_generator
    torch.cuda.init()
    return torch.cuda.default_generators[torch.cuda.current_device()]


@torch.inference_mode()
def evaluate(model: nn.Module, split: Split, batch_size: int) -> Evaluation:
    """Loss and confusion counts of ``model`` on ``split``, ``batch_size`` images at a time."""
    model.eval()
    total_loss = torch.zeros((), device=split.labels.device)
    counts = torch.zeros(CLASSES**2, device=split.labels.device, dtype=torch.int64)
    for batch in split.batches(batch_size):
        logits = model(batch.images)
        total_loss += F.cross_entropy(logits, batch.labels, reduction="sum")
        counts += (batch.labels * CLASSES + logits.argmax(1)).bincount(minlength=CLASSES**2)
    return Evaluation(total_loss.item() / len(split), counts.view(CLASSES, CLASSES).cpu())
