"""Products and dropout for a CPU against torch's own."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from train.network import layers


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Multiply by oneDNN on any processor that has it, and small matrices too."""
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX512")
    monkeypatch.setattr(layers, "MIN_PRODUCT", 0)
    layers.has_onednn.cache_clear()
    yield
    layers.has_onednn.cache_clear()


@pytest.mark.usefixtures("everywhere")
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 70), st.integers(1, 300), st.integers(1, 90), st.integers(0, 2**31), *[st.booleans()] * 3
)
def test_a_product_is_that_of_exact_arithmetic(
    images: int, inputs: int, outputs: int, seed: int, with_bias: bool, relu: bool, transposed: bool
) -> None:
    torch.manual_seed(seed)
    x, weight = torch.randn(images, inputs), torch.randn(outputs, inputs)
    if transposed:  # as the backward pass has them
        x, weight = x.t().contiguous().t(), weight.t().contiguous().t()
    bias = torch.randn(outputs) if with_bias else None
    found = layers.product(x, weight, bias, relu)
    exact = F.linear(x.double(), weight.double(), None if bias is None else bias.double())
    # Sums of n products of numbers around 1 are exact to n / 2**24 at the worst.
    torch.testing.assert_close(found.double(), exact.relu() if relu else exact, rtol=1e-5, atol=2e-4)


@pytest.mark.usefixtures("everywhere")
def test_torch_has_the_product_by_onednn() -> None:
    """When a new release of torch fails here, `train` still works and is slower: see `layers.has_onednn`."""
    if not torch.backends.mkldnn.is_available():
        pytest.skip("torch is built without oneDNN")
    assert layers.has_onednn()


@pytest.mark.usefixtures("everywhere")
@pytest.mark.parametrize(
    "operations", [SimpleNamespace(), SimpleNamespace(_linear_pointwise=lambda x: x)], ids=["gone", "changed"]
)
def test_without_the_product_by_onednn_torchs_is_taken(
    operations: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", operations)
    assert not layers.has_onednn()
    x, weight, bias = torch.randn(64, 90), torch.randn(50, 90), torch.randn(50)
    assert torch.equal(layers.product(x, weight, bias, relu=True), F.linear(x, weight, bias).relu())


@pytest.mark.parametrize("probability", [2**-16, 0.1, 0.3, 0.5, 0.9])
def test_dropout_drops_its_share_and_scales_the_rest(probability: float) -> None:
    torch.manual_seed(3)
    factors = layers.dropout_factors((4001, 1001), probability)
    kept = factors != 0
    assert torch.equal(factors[kept], torch.full((), 1 / (1 - probability)).expand(kept.sum()))
    # Shares of the whole, of neighbours along both axes and of every column: within five standard errors.
    for drops in (~kept, ~kept[1:] & ~kept[:-1], ~kept[:, 1:] & ~kept[:, :-1]):
        expected = probability if drops.shape == kept.shape else probability**2
        bound = 5 * (expected / drops.numel()) ** 0.5
        assert drops.float().mean().item() == pytest.approx(expected, abs=bound)
    columns = (~kept).float().mean(0)
    assert (columns - probability).abs().max() <= 5 * (probability / len(kept)) ** 0.5 + 1 / len(kept)


def test_a_seed_repeats_dropout_and_torchs_draws_go_on_after_it() -> None:
    torch.manual_seed(1)
    first = layers.dropout_factors((7, 3), 0.5), torch.rand(3)
    torch.manual_seed(1)
    again = layers.dropout_factors((7, 3), 0.5), torch.rand(3)
    assert all(map(torch.equal, first, again))
    generator = torch.Generator().manual_seed(1)
    assert torch.equal(layers.dropout_factors((7, 3), 0.5, generator), first[0])
