"""Training and evaluation only: no logging, no files, no command line."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from train.config import Config
from train.data import DataSet, Split
from train.network import passes
from train.network.layers import dropout_factors
from train.network.models import CLASSES, build
from train.network.optim import Optimizer, lr_factor

LOG_EVERY = 50  # steps between two logged means; also how often to wait for the GPU


@dataclass(frozen=True)
class Interval:
    """Means over the training images of consecutive steps. ``step`` counts from the run's start."""

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


class TrainingBase:
    """The steps and epochs of a training, independent of where its arithmetic is done."""

    def __init__(self, config: Config, data: DataSet) -> None:
        """Start with no step done."""
        self.config, self.data = config, data
        self.step = 0

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in the training images; the last one may be smaller."""
        return -(-len(self.data.train) // self.config.batch_size)

    @property
    def epochs_done(self) -> int:
        """Complete passes over the training images."""
        return self.step // self.steps_per_epoch

    @property
    def between_epochs(self) -> bool:
        """Return whether no epoch is in progress."""
        return self.step % self.steps_per_epoch == 0

    def has_turn(self) -> bool:
        """Return whether this run may use the device. Waits for it a moment."""
        return True

    def train_epoch(self) -> Iterator[Interval]:
        """Train on every training image once; yield the means of each logging interval.

        After `restore`, train on those that are left of the epoch.
        """
        raise NotImplementedError

    def evaluate_epoch(self) -> tuple[Evaluation, Evaluation]:
        """Evaluate the current network on the validation and on the test set."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """Return everything that later steps depend on. Call it between two logging intervals."""
        raise NotImplementedError

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a `state` of a training with the same options.

        Raises KeyError, RuntimeError or ValueError for a state of another network or optimizer.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Release the device. No more calls follow."""


class Training(TrainingBase):
    """Everything that changes from step to step: network, optimizer, generators, steps done."""

    def __init__(self, config: Config, data: DataSet, device: torch.device, dtype: torch.dtype) -> None:
        """Draw fresh weights. torch's global generator, seeded here, draws them and the dropout."""
        super().__init__(config, data)
        torch.manual_seed(config.seed)
        self.model = build(config.model, data.image_shape, config.dp)
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.weights = [parameter.detach() for parameter in self.model.parameters()]
        """The network's parameters, without autograd."""
        self.optimizer = Optimizer(config.optimizer, self.weights, config.lr)
        self._lr = config.lr  # the rate that the optimizer has
        self.order = torch.Generator().manual_seed(config.seed)
        self._order_at_start = self.order.get_state()  # of the current epoch
        self.noise = default_generator(device)
        """The generator of the dropout."""
        reduced = dtype != torch.float32
        self.arithmetic = torch.autocast(device.type, dtype) if reduced else contextlib.nullcontext()
        self.by_autograd = device.type != "cpu" or reduced
        """Otherwise with the hand-written passes."""
        self._forward = passes.FORWARD[config.model]

    def train_epoch(self) -> Iterator[Interval]:
        """Train on the images of this epoch that are left."""
        self.model.train()
        for batches in self.intervals():
            yield self._train_interval(batches)

    def intervals(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield the training images of an epoch, or of the rest of it.

        For each logging interval, these are the indices (batch_size,) of each step.
        """
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
            "optimizer": self.optimizer.state(),
            "order": order,
            "noise": {self.noise.device.type: self.noise.get_state()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a `state`, also from another device."""
        self.model.load_state_dict(state["model"])
        self.optimizer.restore(state["optimizer"])
        self.order.set_state(state["order"])
        if self.noise.device.type in state["noise"]:  # a GPU cannot continue the random numbers of a CPU
            self.noise.set_state(state["noise"][self.noise.device.type])
        self.step = state["step"]

    def _train_interval(self, indices: tuple[Tensor, ...]) -> Interval:
        """Do one step for each index tensor. It waits for the device only once, at the end."""
        labels = self.data.train.labels[torch.cat(indices)]
        batches = (self.data.train[index] for index in indices)
        logits = self.train_steps([len(index) for index in indices], batches)
        loss = F.cross_entropy(logits, labels).double()
        right = (logits.argmax(1) == labels).double().mean()
        return Interval(self.step, *torch.stack((loss, right)).tolist())

    def train_steps(self, sizes: Sequence[int], batches: Iterable[Split]) -> Tensor:
        """Do one step for each of the batches, which have these sizes; return their logits (n, classes)."""
        with torch.inference_mode(not self.by_autograd):  # 3 % faster
            steps = zip(batches, self._draw(sizes), strict=True)
            return torch.cat([self._train_step(batch, factors) for batch, factors in steps])

    def _draw(self, sizes: Sequence[int]) -> Iterable[passes.Factors]:
        """Return the dropout factors of steps with so many images each, for the hand-written passes.

        Drawn for one step at a time they take three times as long.
        """
        hidden, rate = self.model.hidden_sizes, self.config.dp
        if self.by_autograd or not rate:
            return [[None] * len(hidden)] * len(sizes)
        layers = [dropout_factors((sum(sizes), size), rate, self.noise).split(sizes) for size in hidden]
        return zip(*layers, strict=True)

    def _train_step(self, batch: Split, factors: passes.Factors) -> Tensor:
        """Update the weights with the gradients of the batch; return its logits (n, classes)."""
        if self.by_autograd:
            logits, gradients = self._differentiate(batch)
        else:
            logits, gradients = passes.differentiate(
                self._forward, self.weights, batch.images, batch.labels, factors
            )
        self.set_lr()
        self.optimizer.step(gradients)
        self.step += 1
        return logits

    def _differentiate(self, batch: Split) -> tuple[Tensor, list[Tensor]]:
        """Return logits (n, classes) and the gradients of the mean cross-entropy, with autograd."""
        with self.arithmetic:
            logits = self.model(batch.images)
            loss = F.cross_entropy(logits, batch.labels)
        self.model.zero_grad()
        loss.backward()
        return logits.detach(), [cast(Tensor, parameter.grad) for parameter in self.model.parameters()]

    def set_lr(self) -> None:
        """Set the optimizer's learning rate for the next step."""
        total = self.config.epochs * self.steps_per_epoch
        lr = self.config.lr * lr_factor(self.config.schedule, self.step, total)
        if lr == self._lr:
            return
        self._lr = lr
        if isinstance(self.optimizer.lr, Tensor):
            self.optimizer.lr.fill_(lr)
        else:
            self.optimizer.lr = lr

    def evaluate(self, split: Split) -> Evaluation:
        """Return loss and confusion counts of the current network on ``split``."""
        self.model.eval()
        with self.arithmetic:
            return evaluate(self._predict, split, self.config.eval_batch_size)

    def _predict(self, images: Tensor) -> Tensor:
        """Logits (n, classes), without dropout."""
        if self.by_autograd:
            return self.model(images)
        logits, _ = self._forward(self.weights, images, [None] * len(self.model.hidden_sizes))
        return logits

    def evaluate_epoch(self) -> tuple[Evaluation, Evaluation]:
        """Validation and test set, one after the other."""
        return self.evaluate(self.data.val), self.evaluate(self.data.test)


def default_generator(device: torch.device) -> torch.Generator:
    """Return the generator that torch's own layers use on ``device``."""
    if device.type != "cuda":
        return torch.default_generator
    torch.cuda.init()
    return torch.cuda.default_generators[torch.cuda.current_device()]


@torch.inference_mode()
def evaluate(predict: Callable[[Tensor], Tensor], split: Split, batch_size: int) -> Evaluation:
    """Return loss and confusion counts of ``predict`` on ``split``, ``batch_size`` images at a time."""
    logits = torch.cat([predict(batch.images) for batch in split.batches(batch_size)])
    cells = split.labels * CLASSES + logits.argmax(1)
    counts = cells.bincount(minlength=CLASSES**2).view(CLASSES, CLASSES)
    return Evaluation(F.cross_entropy(logits.float(), split.labels).item(), counts.cpu())
