"""A step with fixed shapes on a GPU, recorded once and replayed: one launch instead of a hundred."""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UP = 3  # calls before recording, in which libraries choose kernels and optimizers create their state

Outputs = tuple[Tensor, ...]


class Recorded:
    """Calls a function of tensors; on a GPU, from the fourth call on, by replaying its CUDA graph.

    The function may also change other tensors, but always the same ones. Its result is valid until the next
    call. After an error while recording, create a new one.
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
            self._record(self._graph, tuple(tensor.clone() for tensor in inputs))
        for own, given in zip(self._inputs, inputs, strict=True):
            own.copy_(given)
        self._graph.replay()
        return self._outputs

    def _record(self, graph: torch.cuda.CUDAGraph, inputs: Outputs) -> None:
        """Record the function without running it. Raises torch.OutOfMemoryError."""
        try:
            with torch.cuda.graph(graph):
                self._outputs = self._function(*inputs)
        except RuntimeError as error:
            # Ending a broken recording can also fail, which would hide the reason.
            if isinstance(error.__context__, torch.OutOfMemoryError):
                raise error.__context__ from None
            raise
        self._inputs = inputs
