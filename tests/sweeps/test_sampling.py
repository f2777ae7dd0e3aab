"""Random search: the distributions of the sweep schema against W&B's own and against scipy's."""

import math
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metasweep.sweeps import sample
from metasweep.sweeps.parameters import Parameter, read_parameters
from metasweep.sweeps.search.quantiles import quantile, share_below
from tests.sweeps.conftest import Oracle

SPECS: dict[str, dict[str, Any]] = {
    "categorical": {"values": ["a", "b", "c"]},
    "categorical_w_probabilities": {"values": ["a", "b", "c"], "probabilities": [0.2, 0.0, 0.8]},
    "int_uniform": {"min": -3, "max": 7},
    "uniform": {"min": -1.5, "max": 4},
    "q_uniform": {"min": 0, "max": 10, "q": 0.25},
    "log_uniform": {"min": -7, "max": 2},
    "log_uniform_values": {"min": 1e-5, "max": 0.1},
    "q_log_uniform": {"min": 0, "max": 5, "q": 2},
    "q_log_uniform_values": {"min": 1, "max": 500, "q": 0.5},
    "inv_log_uniform": {"min": -1, "max": 3},
    "inv_log_uniform_values": {"min": 0.01, "max": 10},
    "normal": {"mu": 2, "sigma": 0.5},
    "q_normal": {"mu": 2, "sigma": 3, "q": 0.5},
    "log_normal": {"mu": -1, "sigma": 0.7},
    "q_log_normal": {"mu": 3, "sigma": 0.7, "q": 4},
    "beta": {"a": 2, "b": 5},
    "q_beta": {"a": 2, "b": 5, "q": 0.05},
}
SHARES = [0.001, 0.1, 0.25, 0.4999, 0.61, 0.75, 0.9, 0.999]


def config_of(name: str) -> dict[str, Any]:
    return {"method": "random", "parameters": {"x": {"distribution": name, **SPECS[name]}}}


def parameter_of(name: str) -> Parameter:
    return read_parameters(config_of(name))[0]


@pytest.mark.parametrize("name", SPECS)
def test_quantiles_are_those_of_wandb(oracle: Oracle, name: str) -> None:
    ours = [quantile(parameter_of(name), share) for share in SHARES]
    theirs = oracle("quantiles", {"distribution": name, **SPECS[name]}, SHARES)
    if name.startswith("categorical"):
        assert ours == theirs
    else:
        assert ours == pytest.approx(theirs, rel=1e-9)


SCIPY = {
    "uniform": stats.uniform(-1.5, 5.5),
    "log_uniform": stats.loguniform(math.exp(-7), math.exp(2)),
    "log_uniform_values": stats.loguniform(1e-5, 0.1),
    "inv_log_uniform": stats.loguniform(math.exp(-3), math.exp(1)),
    "inv_log_uniform_values": stats.loguniform(0.01, 10),
    "normal": stats.norm(2, 0.5),
    "log_normal": stats.lognorm(s=0.7, scale=math.exp(-1)),
    "beta": stats.beta(2, 5),
}


@pytest.mark.parametrize("name", SCIPY)
def test_samples_have_the_distribution(name: str) -> None:
    rng = Random(3)
    values = [sample(config_of(name), rng)["x"] for _ in range(2000)]
    assert stats.kstest(values, SCIPY[name].cdf).pvalue > 0.01


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("categorical", dict.fromkeys("abc", 1 / 3)),
        ("categorical_w_probabilities", {"a": 0.2, "c": 0.8}),
        ("int_uniform", dict.fromkeys(range(-3, 8), 1 / 11)),
    ],
)
def test_counts_have_the_probabilities(name: str, expected: dict[Any, float]) -> None:
    rng = Random(3)
    counts = Counter(sample(config_of(name), rng)["x"] for _ in range(3000))
    assert set(counts) == set(expected)
    shares = [3000 * share for share in expected.values()]
    assert stats.chisquare([counts[value] for value in expected], shares).pvalue > 0.01


@pytest.mark.parametrize("name", [name for name in SPECS if name.startswith("q_")])
def test_quantised_values_are_multiples_of_q_without_dust(name: str) -> None:
    q, rng = SPECS[name]["q"], Random(3)
    values = [sample(config_of(name), rng)["x"] for _ in range(200)]
    assert all(value / q == pytest.approx(round(value / q)) for value in values)
    assert all(len(repr(value)) < 10 for value in values)
    assert all(isinstance(value, type(q)) for value in values)


@given(share=st.floats(0, 1), name=st.sampled_from([*SCIPY, "int_uniform"]))
def test_the_share_below_a_quantile_is_the_share(share: float, name: str) -> None:
    parameter = parameter_of(name)
    found = share_below(parameter, quantile(parameter, share))
    assert found == pytest.approx(share, abs=1e-6 if name != "int_uniform" else 0.5 / 11 + 1e-9)


def test_a_seed_gives_the_point_and_nested_parameters_are_drawn_too() -> None:
    config = {
        "method": "random",
        "parameters": {
            "lr": {"min": 0.0, "max": 1.0},
            "layer": {"parameters": {"width": {"min": 1, "max": 512}, "bias": {"value": True}}},
        },
    }
    first, again, other = (sample(config, Random(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert set(first["layer"]) == {"width", "bias"}
