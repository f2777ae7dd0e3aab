"""A step of fixed shapes on a GPU, recorded once and replayed: one launch instead of a hundred."""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # calls before recording: libraries choose their kernels, optimizers make their state

Outputs = tuple[Tensor, ...]


class Recorded:
    """Calls a function of tensors; on a GPU, from the fourth call on, by replaying its CUDA graph.

    The function may change tensors that it does not take, always the same ones. What it returns is good
    until the next call.
    """

    def __init__(self, function: Callable[..., Outputs], device: torch.device) -> None:
        self._function = function
        self._graph = torch.cuda.CUDAGraph() if device.type == "cuda" else None
        self._calls = 0
        self._inputs: Outputs = ()
        self._outputs: Outputs = ()

    def __call__(self, *inputs: Tensor) -> Outputs:
        """What the function returns."""
        self._calls += 1
        if self._graph is None or self._calls <= WARM_UP:
            return self._function(*inputs)
        if not self._inputs:
            self._inputs = tuple(tensor.clone() for tensor in inputs)
            with torch.cuda.graph(self._graph):  # records, without doing anything yet
                self._outputs = self._function(*self._inputs)
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given)
        self._graph.replay()
        return self._outputs
