"""Recording a step, with a stand-in for CUDA's graphs: a card is not needed."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch

from train.network.recorded import WARM_UP, Recorded


@contextlib.contextmanager
def a_graph_that_cannot_be_ended(_: object) -> Iterator[None]:
    """As when memory runs out in the middle: the error of the end comes after that of the body."""
    try:
        yield
    except RuntimeError:
        raise RuntimeError("operation failed due to a previous error during capture")  # noqa: B904


def test_memory_that_runs_out_while_recording_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "graph", a_graph_that_cannot_be_ended)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: None)
    recorded = Recorded(lambda x: (x,), torch.device("cpu"))
    recorded._graph = SimpleNamespace()  # type: ignore[assignment]
    for _ in range(WARM_UP):
        recorded(torch.zeros(1))

    def out_of_memory(_: torch.Tensor) -> tuple[torch.Tensor, ...]:
        raise torch.OutOfMemoryError

    recorded._function = out_of_memory
    with pytest.raises(torch.OutOfMemoryError):
        recorded(torch.zeros(1))
