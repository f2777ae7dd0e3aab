"""Random search: every parameter drawn from its distribution, independently of the others."""

from collections.abc import Mapping
from random import Random
from typing import Any

from metasweep.sweeps.parameters import Point, make_point, read_parameters
from metasweep.sweeps.search.quantiles import quantile


def sample(config: Mapping[str, Any], rng: Random) -> Point:
    """Return a random point. The same state of `rng` gives the same point."""
    return make_point(
        (parameter.path, quantile(parameter, rng.random())) for parameter in read_parameters(config)
    )
