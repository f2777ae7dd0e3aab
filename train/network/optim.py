"""Optimizers and the learning rate over the steps."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

# Of SGD. More makes the perceptron diverge at lr 0.1 with dropout 0.5; less keeps the CNN at lr 0.01 from
# getting anywhere in two epochs.
MOMENTUM = 0.7


PLAIN: dict[str, Any] = {"weight_decay": 0.0, "maximize": False, "fused": True}
ADAM: dict[str, Any] = PLAIN | {
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "amsgrad": False,
}  # as torch has it
SGD: dict[str, Any] = PLAIN | {"momentum": MOMENTUM, "dampening": 0.0, "nesterov": False}


class Optimizer:
    """Adam or SGD with momentum: one fused call updates all weights.

    The calls are those that torch's classes make. The classes themselves take 30 us more for a step, and
    the first one that is made imports torch's compiler, for a second.
    """

    def __init__(self, name: str, weights: Sequence[Tensor], lr: float) -> None:
        """``weights`` take no part in autograd."""
        self.name, self.weights = name, list(weights)
        self.lr: float | Tensor = lr
        """A tensor on the weights' device is read there: a recorded step follows it."""

    @functools.cached_property
    def _moments(self) -> list[list[Tensor]]:
        """Means of gradients and, for Adam, of their squares. Made late: fused updates walk memory, so that
        they must lie as the weights do in the end."""
        count = 2 if self.name == "adam" else 1
        return [[torch.zeros_like(weight) for weight in self.weights] for _ in range(count)]

    @functools.cached_property
    def _steps(self) -> list[Tensor]:
        """Steps done: one count for each weight, as torch's call wants it."""
        return [torch.zeros((), device=weight.device) for weight in self.weights]

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update every weight by its gradient, which lies in memory as the weight does."""
        of_weights: list[Any] = list(gradients)
        if self.name == "adam":
            means, squares = self._moments
            options = ADAM | {"lr": self.lr, "capturable": isinstance(self.lr, Tensor)}
            adam(self.weights, of_weights, means, squares, [], self._steps, **options)
        else:
            velocities: list[Any] = self._moments[0]
            sgd(self.weights, of_weights, velocities, lr=self.lr, **SGD)

    def state(self) -> dict[str, Any]:
        """Moments and the count of steps."""
        return {"moments": self._moments, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a `state`, also one of another device. Raises ValueError for another optimizer's."""
        own, kept = [*self._moments, self._steps], [*state["moments"], state["steps"]]
        for tensors, values in zip(own, kept, strict=True):
            for tensor, value in zip(tensors, values, strict=True):
                tensor.copy_(value)


def lr_factor(schedule: str, step: int, total: int) -> float:
    """What the learning rate is multiplied by at ``step`` of ``total``, counted from 0.

    cosine: (1 + cos(pi step / total)) / 2, as in Loshchilov and Hutter, SGDR, ICLR 2017, without
    restarts. step: a tenth after half of the steps and a hundredth after three quarters.
    """
    if schedule == "cosine":
        return (1 + math.cos(math.pi * step / total)) / 2
    if schedule == "step":
        return 0.1 ** ((step >= total // 2) + (step >= total * 3 // 4))
    return 1.0
