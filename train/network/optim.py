"""Optimizers, and the learning rate over the steps."""

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

# For SGD. A higher one makes the perceptron diverge at lr 0.1 with dropout 0.5; with a lower one the CNN at
# lr 0.01 does not learn in two epochs.
MOMENTUM = 0.7


PLAIN: dict[str, Any] = {"weight_decay": 0.0, "maximize": False, "fused": True}
ADAM: dict[str, Any] = PLAIN | {
    "beta1": 0.9,
    "beta2": 0.999,
    "eps": 1e-8,
    "amsgrad": False,
}  # torch's defaults
SGD: dict[str, Any] = PLAIN | {"momentum": MOMENTUM, "dampening": 0.0, "nesterov": False}


class Optimizer:
    """Adam or SGD with momentum: one fused call updates all weights.

    The calls are those inside torch's own classes. These classes take 30 us more per step, and creating the
    first one imports torch's compiler, which takes a second.
    """

    def __init__(self, name: str, weights: Sequence[Tensor], lr: float) -> None:
        """``weights`` must not require gradients."""
        self.name, self.weights = name, list(weights)
        self.lr: float | Tensor = lr
        """If it is a tensor on the weights' device, a recorded step reads it at each replay."""

    @functools.cached_property
    def _moments(self) -> list[list[Tensor]]:
        """Return the means of gradients and, for Adam, of their squares.

        They are created at the first step: fused updates go through memory in order, so they need the
        weights' final memory layout.
        """
        count = 2 if self.name == "adam" else 1
        with torch.inference_mode(False):  # so that `restore` may change them
            return [[torch.zeros_like(weight) for weight in self.weights] for _ in range(count)]

    @functools.cached_property
    def _steps(self) -> list[Tensor]:
        """Return the number of steps done, once per weight, as torch's call needs it."""
        with torch.inference_mode(False):
            return [torch.zeros((), device=weight.device) for weight in self.weights]

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Update every weight with its gradient, which has the weight's memory layout."""
        weights, of_weights, *moments = (
            [_in_memory_order(tensor) for tensor in tensors]
            for tensors in (self.weights, gradients, *self._moments)
        )
        if self.name == "adam":
            means, squares = moments
            options = ADAM | {"lr": self.lr, "capturable": isinstance(self.lr, Tensor)}
            adam(weights, of_weights, means, squares, [], self._steps, **options)
        else:
            velocities: list[Any] = moments[0]
            sgd(weights, of_weights, velocities, lr=self.lr, **SGD)

    def state(self) -> dict[str, Any]:
        """Moments and the count of steps."""
        return {"moments": self._moments, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """Return to a `state`, also from another device. Raises ValueError for another optimizer's."""
        own, kept = [*self._moments, self._steps], [*state["moments"], state["steps"]]
        for tensors, values in zip(own, kept, strict=True):
            for tensor, value in zip(tensors, values, strict=True):
                tensor.copy_(value)


def _in_memory_order(tensor: Tensor) -> Tensor:
    """The same numbers as they lie in memory: a fused update copies what is not contiguous."""
    return tensor if tensor.is_contiguous() else tensor.as_strided((tensor.numel(),), (1,))


def lr_factor(schedule: str, step: int, total: int) -> float:
    """Return the factor of the learning rate at ``step`` of ``total``, counted from 0.

    cosine: (1 + cos(pi step / total)) / 2, as in Loshchilov and Hutter, SGDR, ICLR 2017, without restarts.
    step: a tenth after half of the steps and a hundredth after three quarters.
    """
    if schedule == "cosine":
        return (1 + math.cos(math.pi * step / total)) / 2
    if schedule == "step":
        return 0.1 ** ((step >= total // 2) + (step >= total * 3 // 4))
    return 1.0
