"""The parameters of a sweep: the distribution of each, and points made of their values.

The names, keys and defaults are those of W&B's sweep schema. Except for the checks in `config`, all functions
need a config without errors.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

Point = dict[str, Any]
"""One configuration: parameter name -> value. The value of a group is again a Point."""


@dataclass(frozen=True)
class Distribution:
    """The keys of a distribution: those it needs, and the defaults of the others."""

    required: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)


_RANGE = ("min", "max")
_Q = {"q": 1.0}
_NORMAL = {"mu": 0.0, "sigma": 1.0}
_BETA = {"a": 1.0, "b": 1.0}

DISTRIBUTIONS: Mapping[str, Distribution] = {
    "constant": Distribution(("value",)),
    "categorical": Distribution(("values",)),
    "categorical_w_probabilities": Distribution(("values", "probabilities")),
    "int_uniform": Distribution(_RANGE),
    "uniform": Distribution(_RANGE),
    "q_uniform": Distribution(_RANGE, _Q),
    "log_uniform": Distribution(_RANGE),
    "log_uniform_values": Distribution(_RANGE),
    "q_log_uniform": Distribution(_RANGE, _Q),
    "q_log_uniform_values": Distribution(_RANGE, _Q),
    "inv_log_uniform": Distribution(_RANGE),
    "inv_log_uniform_values": Distribution(_RANGE),
    "normal": Distribution(defaults=_NORMAL),
    "q_normal": Distribution(defaults=_NORMAL | _Q),
    "log_normal": Distribution(defaults=_NORMAL),
    "q_log_normal": Distribution(defaults=_NORMAL | _Q),
    "beta": Distribution(defaults=_BETA),
    "q_beta": Distribution(defaults=_BETA | _Q),
}
GRID_DISTRIBUTIONS = ("constant", "categorical", "int_uniform", "q_uniform")


@dataclass(frozen=True)
class Parameter:
    """A parameter that is not a group of others; `settings` has every key of its distribution."""

    path: tuple[str, ...]
    distribution: str
    settings: Mapping[str, Any]


def is_integer(value: object) -> bool:
    """Return whether the value is an integer in JSON: true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Return whether the value is a number in JSON: true and false are not."""
    return is_integer(value) or isinstance(value, float)


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether the value is a number that a float can hold. JSON integers may have any length."""
    return isinstance(value, int | float) and is_number(value) and abs(value) <= sys.float_info.max


def infer_distribution(spec: Mapping[str, Any]) -> Any:
    """Return the distribution that a parameter names or implies; None if it implies none."""
    if "distribution" in spec:
        return spec["distribution"]
    if "value" in spec:
        return "constant"
    if "values" in spec:
        return "categorical_w_probabilities" if "probabilities" in spec else "categorical"
    if "min" in spec and "max" in spec:
        return "int_uniform" if is_integer(spec["min"]) and is_integer(spec["max"]) else "uniform"
    return None


def read_parameters(config: Mapping[str, Any], sort: bool = True) -> list[Parameter]:
    """Return the parameters in W&B's order or in the config's.

    W&B's order is by name, with groups in the place of their name.
    """
    return list(_flatten(config.get("parameters", {}), (), sort))


def _flatten(specs: Mapping[str, Any], prefix: tuple[str, ...], sort: bool) -> Iterator[Parameter]:
    for name, spec in sorted(specs.items()) if sort else specs.items():
        path = (*prefix, name)
        if "parameters" in spec:
            yield from _flatten(spec["parameters"], path, sort)
        else:
            distribution = infer_distribution(spec)
            yield Parameter(path, distribution, {**DISTRIBUTIONS[distribution].defaults, **spec})


def make_point(values: Iterable[tuple[tuple[str, ...], Any]]) -> Point:
    """The point with these values at these paths."""
    point: Point = {}
    for path, value in values:
        group = point
        for name in path[:-1]:
            group = group.setdefault(name, {})
        group[path[-1]] = value
    return point


def value_at(point: Mapping[str, Any], path: tuple[str, ...], default: Any) -> Any:
    """The value at the path, or the default if the point has none."""
    value: Any = point
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return default
        value = value[name]
    return value
