"""The passes written out against autograd, and whole trainings by them against textbook ones."""

import math
from itertools import pairwise
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.train.test_loop import CPU, plain_loop, run
from train.config import Config
from train.data import DataSet
from train.loop import Training
from train.network import passes
from train.network.layers import dropout_factors
from train.network.models import build

MODELS = ["dense", "cnn"]
SHAPES = [(8, 8), (28, 28), (9, 13)]


class SameDropout(nn.Module):
    """For autograd: dropout by given factors, one layer after the other."""

    def __init__(self, factors: passes.Factors) -> None:
        super().__init__()
        self.factors = iter(factors)

    def forward(self, x: Tensor) -> Tensor:
        factors = next(self.factors)
        return x if factors is None else x * factors


@settings(max_examples=40)
@given(
    st.sampled_from(MODELS),
    st.sampled_from(SHAPES),
    st.integers(1, 70),
    st.sampled_from([0, 0.1, 0.5, 0.9]),
    st.integers(0, 2**31),
)
@example("dense", (28, 28), 27, 0, 1394)  # a unit at the kink of ReLU
def test_logits_and_gradients_are_those_of_autograd(
    name: str, shape: tuple[int, int], images: int, dropout: float, seed: int
) -> None:
    torch.manual_seed(seed)
    model = build(name, shape, dropout)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    weights = [parameter.detach() for parameter in model.parameters()]
    exact = build(name, shape, dropout).double()
    exact.load_state_dict(model.state_dict())
    factors = [dropout_factors((images, size), dropout) if dropout else None for size in model.hidden_sizes]
    x, labels = torch.randn(images, 1, *shape), torch.randint(10, (images,))
    logits, gradients = passes.differentiate(passes.FORWARD[name], weights, x, labels, factors)

    def right(inputs: Tensor) -> tuple[Tensor, list[Tensor]]:
        exact.dropout = SameDropout(factors)
        expected = exact(inputs)
        return expected.detach(), list(
            torch.autograd.grad(F.cross_entropy(expected, labels), list(exact.parameters()))
        )

    expected, right_gradients = right(x.double())
    torch.testing.assert_close(logits.double(), expected, rtol=1e-4, atol=1e-4)
    # Rounding decides about a unit that is all but zero, at the kink of ReLU, and between equals in a pool.
    for noise in 1e-6 * torch.randn(3, *x.shape):
        for near in (right(x.double() + noise)[1], right(x.double() - noise)[1]):
            assume(all(torch.allclose(*pair, 1e-3, 1e-5) for pair in zip(near, right_gradients, strict=True)))
    for weight, gradient, exactly in zip(weights, gradients, right_gradients, strict=True):
        assert gradient.stride() == weight.stride()  # fused updates walk memory
        torch.testing.assert_close(gradient.double(), exactly, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("name", MODELS)
def test_predictions_are_without_dropout(tiny: DataSet, name: Literal["dense", "cnn"]) -> None:
    training = Training(Config(model=name, dp=0.5), tiny, CPU, torch.float32)
    ours = training.evaluate(tiny.test)
    training.by_autograd = True
    autograds = training.evaluate(tiny.test)
    assert ours.loss == pytest.approx(autograds.loss, rel=1e-4)
    assert torch.equal(ours.confusion, autograds.confusion)


@pytest.mark.parametrize("name", MODELS)
def test_every_step_draws_other_dropout(tiny: DataSet, name: Literal["dense", "cnn"]) -> None:
    training = Training(Config(model=name, dp=0.5, lr=1e-30), tiny, CPU, torch.float32)
    logits = training.train_steps([len(tiny.val)] * 3, [tiny.val] * 3).split(len(tiny.val))
    assert not any(torch.equal(one, other) for one, other in pairwise(logits))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", MODELS)
def test_numbers_that_grow_too_large_show_in_the_loss_alone(
    tiny: DataSet, name: Literal["dense", "cnn"]
) -> None:
    training = Training(Config(model=name, optimizer="sgd", lr=1e30), tiny, CPU, torch.float32)
    assert not math.isfinite(next(training.train_epoch()).loss)
    assert not math.isfinite(training.evaluate(tiny.test).loss)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_a_training_takes_the_course_of_a_textbook_one(
    tiny: DataSet, model: str, optimizer: str, schedule: str
) -> None:
    config = Config(
        model=model,  # type: ignore[arg-type]
        optimizer=optimizer,  # type: ignore[arg-type]
        schedule=schedule,  # type: ignore[arg-type]
        lr=0.001,
        dp=0,
        epochs=2,
        batch_size=6,
    )
    training, _ = run(config, tiny)
    expected, _ = plain_loop(config, tiny)
    assert training.model.state_dict().keys() == expected.state_dict().keys()
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(training.model.state_dict()[name], value, rtol=1e-2, atol=1e-4)
