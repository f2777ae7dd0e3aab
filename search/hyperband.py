"""Early termination by hyperband, as W&B's service does it (Li et al., 2018, arXiv:1603.06560).

At every band, a number of logged values of the metric, a run goes on if it is among the best 1/eta of all
runs that came that far.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, takewhile
from math import isfinite
from typing import Any

from search.parameters import is_number

DEFAULT_ETA = 3
_MOST_BANDS = 100


def bands(section: Mapping[str, Any]) -> list[int]:
    """The bands of an `early_terminate` section, in ascending order."""
    eta = section.get("eta", DEFAULT_ETA)
    if "max_iter" in section:
        found = islice(_powers(section["max_iter"] / eta, 1 / eta), int(section["s"]))
        return sorted(int(band) for band in takewhile(lambda band: band >= 1, found))
    return [int(band) for band in takewhile(isfinite, islice(_powers(section["min_iter"], eta), _MOST_BANDS))]


def should_stop(config: Mapping[str, Any], history: Sequence[Any], others: Iterable[Sequence[Any]]) -> bool:
    """Whether a running run is too poor to go on.

    `history` holds its logged values of the metric in order, `others` those of the sweep's other runs, in
    whatever state. What is not a finite number does not count.
    """
    section, sign = config["early_terminate"], _sign(config)
    costs = _costs(history, sign)
    band = max((band for band in bands(section) if band <= len(costs)), default=None)
    if band is None:
        return False
    reached = [_costs(other, sign)[band - 1 : band] for other in others]
    at_band = sorted([costs[band - 1], *(cost for rest in reached for cost in rest)])
    threshold = at_band[int(1 / section.get("eta", DEFAULT_ETA) * len(at_band))]
    return (costs[band - 1] if section.get("strict", True) else min(costs)) > threshold


def _powers(first: float, factor: float) -> Iterable[float]:
    value = float(first)
    while True:
        yield value
        value *= factor


def _sign(config: Mapping[str, Any]) -> int:
    return -1 if config["metric"].get("goal") == "maximize" else 1


def _costs(history: Sequence[Any], sign: int) -> list[float]:
    return [sign * value for value in history if is_number(value) and isfinite(value)]
