"""The distributions of a sweep's parameters: each one's quantile function and its inverse.

Formulas: W&B's sweep configuration reference. A share is a number in [0, 1]. Names compose: `log_` is the
exponential of what follows, `inv_` negates that exponent's bounds, `_values` gives bounds of the value
instead of the exponent, `q_` rounds to a multiple of q.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import exp, log
from statistics import NormalDist
from typing import Any

from metasweep.sweeps.parameters import Parameter, is_number

LARGEST_EXPONENT = 300.0
"""exp of this, divided by any q, still fits into a float."""
_STANDARD_NORMAL = NormalDist()
_TINY = 2.0**-53
Settings = Mapping[str, Any]


def quantile(parameter: Parameter, share: float) -> Any:
    """Return the value below which this share of the parameter's distribution lies.

    A uniformly distributed share gives a random value. Listed values lie in the order of the list.
    """
    name, settings = parameter.distribution, parameter.settings
    share = min(max(share, _TINY), 1 - _TINY)
    if name == "constant":
        return settings["value"]
    if name.startswith("categorical"):
        return settings["values"][bisect_right(_ends(settings), share)]
    if name == "int_uniform":
        return settings["min"] + int(share * (settings["max"] - settings["min"] + 1))
    number = _exponent_or_number(name, settings, share)
    if "log_" in name:
        number = exp(min(number, LARGEST_EXPONENT))
    return _round_to(number, settings["q"]) if name.startswith("q_") else number


def share_below(parameter: Parameter, value: Any) -> float | None:
    """Return the share of a numeric distribution below a value; None if the value is not a number.

    An integer of an int_uniform gives the middle of its share.
    """
    name, settings = parameter.distribution, parameter.settings
    if not is_number(value):
        return None
    if name == "int_uniform":
        share = (value - settings["min"] + 0.5) / (settings["max"] - settings["min"] + 1)
    elif "log_" in name and value <= 0:
        share = 0.0
    else:
        share = _share_of(name, settings, log(value) if "log_" in name else value)
    return min(max(share, 0.0), 1.0)


def _exponent_or_number(name: str, settings: Settings, share: float) -> float:
    if "uniform" in name:
        low, high = _bounds(name, settings)
        return low + share * (high - low)
    if "normal" in name:
        return settings["mu"] + settings["sigma"] * _STANDARD_NORMAL.inv_cdf(share)
    from scipy.special import betaincinv  # slow to import, rarely needed

    return float(betaincinv(settings["a"], settings["b"], share))


def _share_of(name: str, settings: Settings, number: float) -> float:
    if "uniform" in name:
        low, high = _bounds(name, settings)
        return (number - low) / (high - low)
    if "normal" in name:
        return _STANDARD_NORMAL.cdf((number - settings["mu"]) / max(settings["sigma"], _TINY))
    from scipy.special import betainc

    return float(betainc(settings["a"], settings["b"], min(max(number, 0.0), 1.0)))


def _bounds(name: str, settings: Settings) -> tuple[float, float]:
    low, high = settings["min"], settings["max"]
    if name.endswith("_values"):
        return log(low), log(high)
    return (-high, -low) if name.startswith("inv_") else (low, high)


def _round_to(number: float, q: float) -> float:
    """Return the nearest multiple of q, without binary rounding errors (0.3, not 0.30000000000000004)."""
    multiple = round(number / q) * q
    return multiple if isinstance(multiple, int) else float(f"{multiple:.15g}")


def _ends(settings: Settings) -> Sequence[float]:
    """Return where the share of each listed value ends. The last end is open, so sums need not be exact."""
    values = settings["values"]
    shares = settings.get("probabilities") or [1 / len(values)] * len(values)
    return list(accumulate(shares))[:-1]
