"""Several trainings of one network and optimizer as one batched computation: each kernel works for all.

Learning rate, dropout rate, seed, weights and data order differ between members. Each member is a `Training`
whose weights are rows of stacked tensors. Forward and backward passes run over the stack; each member's own
optimizer updates its rows.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap

from train.config import Config
from train.data import DataSet, Split
from train.loop import Evaluation, Interval, Training
from train.network.layers import dropout_factors
from train.network.models import CLASSES, build
from train.network.recorded import Recorded

OWN = ("lr", "dp", "seed", "checkpoint_dir")  # options in which members may differ
T = TypeVar("T")
Noise = tuple[Tensor, ...]  # one tensor for each dropout layer


def kind(config: Config) -> Hashable:
    """Return what two runs must have in common to be trained together."""
    test_images = config.seed if config.test_size < 1 else None  # they are drawn by the seed
    return test_images, *(getattr(config, item.name) for item in fields(config) if item.name not in OWN)


class GivenDropout(nn.Module):
    """Dropout with factors that the caller has drawn. Without any, it records the shapes that it needs."""

    def __init__(self) -> None:
        super().__init__()
        self.factors: Iterator[Tensor] | None = None
        self.shapes: list[torch.Size] = []

    def forward(self, x: Tensor) -> Tensor:
        """Return the features (n, ...) times the next factors of the same shape; unchanged in evaluation."""
        if not self.training:
            return x
        if self.factors is None:
            self.shapes.append(x.shape[1:])
            return x
        return x * next(self.factors)


class Members:
    """Trainings in lockstep. On a GPU their step is recorded once and replayed."""

    def __init__(
        self,
        configs: Sequence[Config],
        data: DataSet,
        device: torch.device,
        dtype: torch.dtype,
        states: Sequence[dict[str, Any] | None] | None = None,
    ) -> None:
        """Start fresh members, or continue from their ``states``, all at the same step."""
        self.data, self.device, self.dtype = data, device, dtype
        self.trainings = [self._begin(config) for config in configs]
        self.chunk = len(configs)
        """Members in one batched pass. A smaller number needs less memory for activations."""
        self._coming: list[Iterator[tuple[Tensor, ...]]] = []
        with torch.device("meta"):  # the weights are those of the members
            self._network = build(configs[0].model, data.image_shape, dropout=0)
            self._network.dropout = self._dropout = GivenDropout()
            self._network(torch.empty(1, 1, *data.image_shape))
        self._stack()
        for training, state in zip(self.trainings, states or [], strict=False):
            if state:
                training.restore(state)
        if device.type == "cuda":
            for training in self.trainings:  # a recorded update needs its learning rate on the device
                training.optimizer.lr = torch.as_tensor(training.optimizer.lr, device=device)

    def _begin(self, config: Config) -> Training:
        """Return a member.

        Its noise generator continues where the shared one is after drawing its weights.
        """
        training = Training(config, self.data, self.device, self.dtype)
        shared = training.noise
        training.noise = torch.Generator(self.device)
        training.noise.set_state(shared.get_state())
        return training

    def _stack(self) -> None:
        """Make the weights of all members rows of stacked tensors."""
        stacked = {}
        for number, (name, _) in enumerate(self.trainings[0].model.named_parameters()):
            own = [training.weights[number] for training in self.trainings]
            stacked[name] = torch.stack([weight.contiguous() for weight in own])
            for training, weight, row in zip(self.trainings, own, stacked[name], strict=True):
                weight.data = training.model.get_parameter(name).data = row
        self._stacked = stacked
        self._recorded = Recorded(self._step, self.device)

    def __len__(self) -> int:
        return len(self.trainings)

    @property
    def between_epochs(self) -> bool:
        """Return whether no epoch is in progress."""
        return self.trainings[0].between_epochs

    def keep(self, members: Sequence[int]) -> None:
        """Continue with only some of the members."""
        self.trainings = [self.trainings[member] for member in members]
        self._coming = [self._coming[member] for member in members] if self._coming else []
        self._stack()

    def train_interval(self) -> list[Interval]:
        """Train each member for one logging interval; return its means.

        Begins an epoch if none is in progress.
        """
        if not self._coming or self.between_epochs:
            self._coming = [training.intervals() for training in self.trainings]
        own = [next(coming) for coming in self._coming]
        steps = [torch.stack(indices) for indices in zip(*own, strict=True)]
        total_loss = torch.zeros(len(self), device=self.device)
        correct = torch.zeros(len(self), device=self.device, dtype=torch.int64)
        for index, noise in zip(steps, self._draw([index.shape[1] for index in steps]), strict=True):
            for training in self.trainings:
                training.set_lr()
            loss, right = self._train_step(index, noise)
            for training in self.trainings:
                training.step += 1
            total_loss += loss * index.shape[1]
            correct += right
        images = sum(index.shape[1] for index in steps)
        losses, rights = torch.stack((total_loss.double(), correct.double())).tolist()  # waits for the device
        means = zip(self.trainings, losses, rights, strict=True)
        return [Interval(training.step, loss / images, right / images) for training, loss, right in means]

    def _draw(self, sizes: Sequence[int]) -> Iterable[Noise]:
        """Return for each step the dropout factors (members, images, ...) of each layer: 0 or 1/(1 - p)."""
        own = [self._draw_own(training, sum(sizes)) for training in self.trainings]
        layers = [torch.stack(layer).split(list(sizes), 1) for layer in zip(*own, strict=True)]
        return zip(*layers, strict=True)

    def _draw_own(self, training: Training, images: int) -> list[Tensor]:
        """Return a member's dropout factors (images, ...) of each layer, drawn as its own layers do."""
        kept = 1 - training.config.dp
        shapes = [(images, *shape) for shape in self._dropout.shapes]
        if self.device.type == "cpu" and self.dtype == torch.float32 and kept < 1:
            return [dropout_factors(shape, training.config.dp, training.noise) for shape in shapes]
        blank = [torch.empty(shape, device=self.device, dtype=self.dtype) for shape in shapes]
        if kept == 1:
            return [factors.fill_(1) for factors in blank]
        return [factors.bernoulli_(kept, generator=training.noise).div_(kept) for factors in blank]

    def _train_step(self, index: Tensor, noise: Noise) -> Sequence[Tensor]:
        """Update every member on images (members, n), in parts if memory requires it; see `_step`."""
        full = index.shape[1] == self.trainings[0].config.batch_size
        return self._in_parts_that_fit(lambda: (self._recorded if full else self._step)(index, *noise))

    def _in_parts_that_fit(self, work: Callable[[], T]) -> T:
        """Do work; if memory runs out, repeat it with half the members at a time.

        Work that runs out of memory must have no effect.

        Recording a step needs extra memory, so it can run out even if the step itself does not.
        """
        while True:
            try:
                return work()
            except torch.OutOfMemoryError:
                if self.chunk == 1:
                    raise
                self.chunk = -(-self.chunk // 2)
                self._recorded = Recorded(self._step, self.device)
                torch.cuda.empty_cache()

    def _step(self, index: Tensor, *noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean losses and counts of right answers.

        Weights change only after all gradients are computed.
        """
        results = [self._differentiate(part, index, noise) for part in self._parts()]
        for part, (_, _, gradients) in zip(self._parts(), results, strict=True):
            for training, *own in zip(self.trainings[part], *gradients, strict=True):
                training.optimizer.step(own)
        losses, rights, _ = zip(*results, strict=True)
        return torch.cat(losses), torch.cat(rights)

    def _parts(self) -> list[slice]:
        return [slice(start, start + self.chunk) for start in range(0, len(self), self.chunk)]

    def _differentiate(self, part: slice, index: Tensor, noise: Noise) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Losses (members,), counts of right answers and gradients (members, ...) of some members."""
        weights = {name: stack[part].detach().requires_grad_() for name, stack in self._stacked.items()}
        batch = self.data.train[index[part]]
        with self.trainings[0].arithmetic:
            losses, right = vmap(self._loss)(
                weights, batch.images, batch.labels, tuple(layer[part] for layer in noise)
            )
        gradients = torch.autograd.grad(losses.sum(), list(weights.values()))
        # Fused updates go through memory in order, so gradients must have the memory layout of the weights.
        return losses.detach(), right, [gradient.contiguous() for gradient in gradients]

    def _loss(
        self, weights: dict[str, Tensor], images: Tensor, labels: Tensor, noise: Noise
    ) -> tuple[Tensor, Tensor]:
        """Mean loss and count of right answers of one member."""
        self._network.train()
        self._dropout.factors = iter(noise)
        logits = functional_call(self._network, weights, (images,))
        return F.cross_entropy(logits, labels), (logits.argmax(1) == labels).sum()

    def evaluate_epoch(self, members: Sequence[int]) -> list[tuple[Evaluation, Evaluation]]:
        """Evaluate some members on the validation and on the test set."""
        return self._in_parts_that_fit(lambda: self._evaluate_in_parts(members))

    def _evaluate_in_parts(self, members: Sequence[int]) -> list[tuple[Evaluation, Evaluation]]:
        results: list[tuple[Evaluation, Evaluation]] = []
        for start in range(0, len(members), self.chunk):
            part = members[start : start + self.chunk]
            results += list(
                zip(*(self._evaluate(part, split) for split in (self.data.val, self.data.test)), strict=True)
            )
        return results

    @torch.no_grad()
    def _evaluate(self, members: Sequence[int], split: Split) -> list[Evaluation]:
        self._network.eval()
        weights = {name: stack[list(members)] for name, stack in self._stacked.items()}
        predict = vmap(lambda own, images: functional_call(self._network, own, (images,)), (0, None))
        total_loss = torch.zeros(len(members), device=self.device)
        counts = torch.zeros(len(members), CLASSES**2, device=self.device, dtype=torch.int64)
        size = self.trainings[0].config.eval_batch_size
        for batch in split.batches(size):
            with self.trainings[0].arithmetic:
                logits = predict(weights, batch.images)
            expected = batch.labels.expand(len(members), -1)
            loss = F.cross_entropy(logits.transpose(1, 2), expected, reduction="none")
            total_loss += loss.sum(1)
            cells = expected * CLASSES + logits.argmax(2)
            counts.scatter_add_(1, cells, torch.ones_like(cells))
        confusions = counts.view(-1, CLASSES, CLASSES).cpu()
        losses = (total_loss / len(split)).tolist()
        return [Evaluation(*one) for one in zip(losses, confusions, strict=True)]
