"""Dropout for a CPU against its definition."""

import pytest
import torch

from train.network import layers


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
