"""Early termination by hyperband, as in W&B's service (Li et al., 2018, arXiv:1603.06560).

A band is a number of logged metric values. At each band a run continues only if it is among the best 1/eta of
all runs that reached the band.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice, takewhile
from math import isfinite
from typing import Any

from metasweep.sweeps.parameters import is_finite

DEFAULT_ETA = 3
_MOST_BANDS = 100


def bands(section: Mapping[str, Any]) -> list[int]:
    """Return the bands of an `early_terminate` section, in ascending order."""
    eta = section.get("eta", DEFAULT_ETA)
    if "max_iter" in section:
        found = islice(_powers(section["max_iter"] / eta, 1 / eta), min(int(section["s"]), _MOST_BANDS))
        return sorted(int(band) for band in takewhile(lambda band: band >= 1, found))
    return [int(band) for band in takewhile(isfinite, islice(_powers(section["min_iter"], eta), _MOST_BANDS))]


def costs_of(config: Mapping[str, Any], values: Iterable[Any]) -> list[float]:
    """Return the costs of a run's logged metric values: lower is better, whatever the goal.

    Finite ones only.
    """
    sign = -1 if config["metric"].get("goal") == "maximize" else 1
    return [sign * value for value in values if is_finite(value)]


def limits(config: Mapping[str, Any], costs: Collection[Sequence[float]]) -> dict[int, float]:
    """Return for every band that a run has reached the highest cost with which a run continues.

    `costs` has one sequence for each run of the sweep, in whatever state.
    """
    section = config["early_terminate"]
    share, found = 1 / section.get("eta", DEFAULT_ETA), {}
    for band in bands(section):
        at_band = sorted(run[band - 1] for run in costs if len(run) >= band)
        if not at_band:
            break
        found[band] = at_band[int(share * len(at_band))]
    return found


def is_poor(config: Mapping[str, Any], costs: Sequence[float], limits: Mapping[int, float]) -> bool:
    """Return whether a running run with these costs should stop."""
    band = max((band for band in limits if band <= len(costs)), default=None)
    if band is None:
        return False
    strict = config["early_terminate"].get("strict", True)
    return (costs[band - 1] if strict else min(costs)) > limits[band]


def _powers(first: float, factor: float) -> Iterable[float]:
    value = float(first)
    while True:
        yield value
        value *= factor
