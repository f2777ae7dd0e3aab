"""The points of a grid, computed instead of listed: point i is the number i in mixed radix.

The last parameter changes fastest, as in W&B's grid search. A value that is listed twice counts once.
"""

import json
from collections.abc import Mapping
from functools import cached_property
from math import ceil, isclose, prod
from typing import Any

from metasweep.sweeps.parameters import (
    Parameter,
    Point,
    is_finite,
    make_point,
    read_parameters,
    value_at,
)


class Constant:
    """A value that all points share. It never distinguishes two points, whatever a run reports for it."""

    size = 1

    def __init__(self, value: Any):
        self._value = value

    def value(self, _: int) -> Any:
        return self._value

    def position(self, _: Any) -> int:
        """Return 0, the only position."""
        return 0


class Choices:
    """Listed values of any type."""

    def __init__(self, values: list[Any]):
        unique: dict[str, Any] = {}
        for value in values:
            unique.setdefault(identity(value), value)
        self._values = list(unique.values())
        self._positions = {key: position for position, key in enumerate(unique)}
        self.size = len(self._values)

    def value(self, position: int) -> Any:
        """Return the value at a position."""
        return self._values[position]

    def position(self, value: Any) -> int | None:
        """Return the position of a value. A number may have become a text on its way, or a text a number."""
        if isinstance(value, Mapping):
            value = {key: inner for key, inner in value.items() if key in self._keys_of_mappings}
        exact = self._positions.get(identity(value))
        return exact if exact is not None else self._positions_of_numbers.get(_as_number(value))

    @cached_property
    def _keys_of_mappings(self) -> frozenset[str]:
        """The keys that the grid's mappings have. A run may add more keys to a mapping; they do not count."""
        return frozenset(key for value in self._values if isinstance(value, Mapping) for key in value)

    @cached_property
    def _positions_of_numbers(self) -> dict[float | None, int]:
        numbers: dict[float | None, int] = {}
        for position, value in enumerate(self._values):
            if (number := _as_number(value)) is not None:
                numbers.setdefault(number, position)
        return numbers


class Steps:
    """The numbers start, start + step, start + 2 step, …"""

    def __init__(self, start: float, step: float, size: int):
        self._start, self._step, self.size = start, step, size

    def value(self, position: int) -> float:
        """Return the number at a position, without binary rounding errors (0.3, not 0.30000000000000004)."""
        number = self._start + position * self._step
        return float(f"{number:.15g}") if isinstance(number, float) else number

    def position(self, value: Any) -> int | None:
        """Return the position of a number, given as a number or as its text."""
        number = _as_number(value)
        if number is None:
            return None
        position = round((number - self._start) / self._step)
        found = 0 <= position < self.size and isclose(
            self.value(position), number, rel_tol=1e-12, abs_tol=1e-9 * self._step
        )
        return position if found else None


class Grid:
    """The grid of a sweep config. `size` is its number of points."""

    def __init__(self, config: Mapping[str, Any]):
        self._axes = [(parameter.path, make_axis(parameter)) for parameter in read_parameters(config)]
        self.size = prod(axis.size for _, axis in self._axes)

    def point(self, index: int) -> Point:
        """Return the point at an index in range(size). Raises IndexError outside it."""
        if not 0 <= index < self.size:
            raise IndexError(f"a grid of {self.size} points has no point {index}")
        values = []
        for path, axis in reversed(self._axes):
            index, position = divmod(index, axis.size)
            values.append((path, axis.value(position)))
        return make_point(reversed(values))

    def index(self, config: Mapping[str, Any]) -> int | None:
        """Return the index of the point in a run's config; None if that is not a point of the grid.

        Other names in the config do not matter.
        """
        index = 0
        for path, axis in self._axes:
            position = axis.position(value_of_run(config, path))
            if position is None:
                return None
            index = index * axis.size + position
        return index


def value_of_run(config: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """Return a parameter's value in a run's config; None if it has none.

    Programs also write names in two other ways, which are tried second: `batch_size` for `batch-size`, and
    `opt.lr` at the top level for `lr` in the group `opt`.
    """
    dotted = ".".join(path)
    underscored = tuple(name.replace("-", "_") for name in path)
    for spelling in dict.fromkeys((path, underscored, (dotted,), (dotted.replace("-", "_"),))):
        value = value_at(config, spelling, None)
        if value is not None:
            return value
    return None


def make_axis(parameter: Parameter) -> Constant | Choices | Steps:
    """Return the axis of a parameter. A q_uniform ends before its max, as in W&B's grid search."""
    settings = parameter.settings
    if parameter.distribution == "constant":
        return Constant(settings["value"])
    if parameter.distribution == "int_uniform":
        return Steps(settings["min"], 1, settings["max"] - settings["min"] + 1)
    if parameter.distribution == "q_uniform":
        low, high, q = settings["min"], settings["max"], settings["q"]
        return Steps(low, q, ceil((high - low) / q))
    return Choices(settings["values"])


def identity(value: Any) -> str:
    """Return a text that is equal for equal values (or points).

    1 and 1.0 are equal; 1, true and "1" are not.
    """
    if type(value) is int:  # in long lists of values, the usual case: ten times as quick
        return str(value)
    return json.dumps(_with_plain_integers(value), sort_keys=True, default=str)


def _with_plain_integers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _with_plain_integers(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_plain_integers(inner) for inner in value]
    return value


def _as_number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if is_finite(value) else None
