"""The layers for a CPU against torch's own."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.train.test_loop import plain_loop, run
from train import layers
from train.config import Config
from train.data import DataSet


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace linear layers on any processor, and small ones too."""
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(layers, "MIN_OUTPUTS", 1)


@pytest.mark.usefixtures("everywhere")
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 70), st.integers(1, 300), st.integers(1, 90), st.integers(0, 2**31), st.booleans())
def test_a_linear_layer_and_its_gradients(
    images: int, inputs: int, outputs: int, seed: int, first: bool
) -> None:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(inputs, outputs))
    x, weights = torch.randn(images, inputs, requires_grad=not first), torch.randn(images, outputs)

    def passes(network: nn.Module, x: Tensor, weights: Tensor) -> list[Tensor]:
        result = network(x)
        wanted = list(network.parameters()) if first else [x, *network.parameters()]
        return [result, *torch.autograd.grad((result * weights).sum(), wanted)]

    layers.replace_layers(network)
    assert isinstance(network[0], layers.Linear)
    found = passes(network, x, weights)
    exact = nn.Sequential(nn.Linear(inputs, outputs)).double()
    exact.load_state_dict(network.state_dict())
    expected = passes(exact, x.detach().double().requires_grad_(not first), weights.double())
    for one, other in zip(found, expected, strict=True):
        # Sums of n products of numbers around 1 are exact to n / 2**24 at the worst.
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=2e-4)


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize("model", ["dense", "cnn"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_training_takes_the_course_that_it_takes_with_torchs_layers(
    tiny: DataSet, model: str, optimizer: str
) -> None:
    config = Config(model=model, optimizer=optimizer, lr=0.001, dp=0, epochs=2, batch_size=6)  # type: ignore[arg-type]
    training, _ = run(config, tiny)
    assert isinstance(training.model.output, layers.Linear)
    expected, _ = plain_loop(config, tiny)
    assert training.model.state_dict().keys() == expected.state_dict().keys()
    for name, value in expected.state_dict().items():
        torch.testing.assert_close(training.model.state_dict()[name], value, rtol=1e-2, atol=1e-4)


@pytest.mark.usefixtures("everywhere")
def test_reduced_precision_is_torchs_own(tiny: DataSet) -> None:
    ours, theirs = nn.Sequential(nn.Linear(64, 40)), nn.Sequential(nn.Linear(64, 40))
    theirs.load_state_dict(ours.state_dict())
    layers.replace_layers(ours)
    with torch.autocast("cpu", torch.bfloat16):
        results = [network(tiny.test.images.flatten(1)) for network in (ours, theirs)]
    assert torch.equal(*results)
    assert results[0].dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("probability", [2**-16, 0.1, 0.3, 0.5, 0.9])
def test_dropout_drops_its_share_and_scales_the_rest(probability: float, dtype: torch.dtype) -> None:
    torch.manual_seed(3)
    dropout, x = layers.Dropout(probability), torch.randn(4001, 1001).to(dtype).requires_grad_()
    result = dropout(x)
    assert result.dtype == dtype
    (factors,) = torch.autograd.grad(result.float().sum(), x)
    kept = factors != 0
    assert torch.equal(result, x * factors)
    assert torch.equal(factors[kept], torch.full((), 1 / (1 - probability), dtype=dtype).expand(kept.sum()))
    # Shares of the whole, of neighbours along both axes and of every column: within five standard errors.
    for drops in (~kept, ~kept[1:] & ~kept[:-1], ~kept[:, 1:] & ~kept[:, :-1]):
        expected = probability if drops.shape == kept.shape else probability**2
        bound = 5 * (expected / drops.numel()) ** 0.5
        assert drops.float().mean().item() == pytest.approx(expected, abs=bound)
    columns = (~kept).float().mean(0)
    assert (columns - probability).abs().max() <= 5 * (probability / len(kept)) ** 0.5 + 1 / len(kept)


def test_dropout_does_nothing_in_evaluation_or_at_zero() -> None:
    x = torch.randn(5, 3)
    assert torch.equal(layers.Dropout(0.5).eval()(x), x)
    assert torch.equal(layers.Dropout(0.0)(x), x)


def test_a_seed_repeats_dropout_and_torchs_draws_go_on_after_it() -> None:
    torch.manual_seed(1)
    first = layers.dropout_factors((7, 3), 0.5, torch.float32), torch.rand(3)
    torch.manual_seed(1)
    again = layers.dropout_factors((7, 3), 0.5, torch.float32), torch.rand(3)
    assert all(map(torch.equal, first, again))
    generator = torch.Generator().manual_seed(1)
    assert torch.equal(layers.dropout_factors((7, 3), 0.5, torch.float32, generator), first[0])
