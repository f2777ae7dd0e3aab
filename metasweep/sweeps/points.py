"""What a sweep asks for, and which of its points a run is: one answer for agent, server and report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metasweep.sweeps.grid import Grid, grid_size, identity, make_axis
from metasweep.sweeps.parameters import GRID_DISTRIBUTIONS, Parameter, Point, read_parameters, value_at

PointKey = str
"""The identity of a point, the same in every sweep that has it."""
MOST_LISTED = 10_000
"""Values of one parameter that are listed; one with more (`min: 1, max: 1000000`) is a scale."""
MOST_COMPARED = 1_000_000
"""Points of several grids that are compared with each other."""
_MISSING = object()


def parameters_by_name(config: Mapping[str, Any]) -> dict[str, Parameter]:
    """The parameters in the config's own order, nested ones named with dots: `optimizer.lr`.

    Where two would have the same name (`a.b`, and `b` in the group `a`), the nested one is `a/b`.
    """
    found: dict[str, Parameter] = {}
    known = read_parameters({"parameters": config.get("parameters") or {}}, sort=False)
    flat = {parameter.path[0] for parameter in known if len(parameter.path) == 1}
    for parameter in known:
        name = ".".join(parameter.path)
        found["/".join(parameter.path) if len(parameter.path) > 1 and name in flat else name] = parameter
    return found


def listed_values(config: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The values of every parameter that has a list of them, each once; continuous ones are left out."""
    found = {}
    for name, parameter in parameters_by_name(config).items():
        if parameter.distribution in (*GRID_DISTRIBUTIONS, "categorical_w_probabilities"):
            axis = make_axis(parameter)
            if axis.size <= MOST_LISTED:
                found[name] = tuple(axis.value(position) for position in range(axis.size))
    return found


def varied(config: Mapping[str, Any]) -> set[str]:
    """Parameters that take more than one value, continuous ones among them."""
    listed = listed_values(config)
    return {name for name in parameters_by_name(config) if len(listed.get(name, (0, 1))) > 1}


def constants(config: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with a single value, and that value."""
    return {name: values[0] for name, values in listed_values(config).items() if len(values) == 1}


def is_grid(config: Mapping[str, Any]) -> bool:
    """Whether every point of the sweep is to be run once."""
    return config.get("method") == "grid"


def expected_runs(config: Mapping[str, Any]) -> int | None:
    """The number of runs that a sweep asks for; None when nothing limits it."""
    sizes = [config.get("run_cap"), grid_size(config) if is_grid(config) else None]
    return min((size for size in sizes if size is not None), default=None)


def point_key(grid: Grid, config: Mapping[str, Any]) -> PointKey | None:
    """The point of a grid that a run with this config is; None if it is none of it."""
    index = grid.index(config)
    return None if index is None else identity(grid.point(index))


def points_in_all(grids: Sequence[Grid]) -> int:
    """The number of different points of several grids.

    Grids of more than `MOST_COMPARED` points together are taken to have none in common.
    """
    size = sum(grid.size for grid in grids)
    if len(grids) == 1 or size > MOST_COMPARED:  # one at a time takes some 10 µs
        return size
    return len({identity(grid.point(index)) for grid in grids for index in range(grid.size)})


def points_without(grids: Sequence[Grid], reached: set[PointKey]) -> Iterator[Point]:
    """The points of several grids that are not among the reached ones, each once, in the grids' order."""
    seen = set(reached)
    for grid in grids:
        for index in range(grid.size):
            point = grid.point(index)
            key = identity(point)
            if key not in seen:
                seen.add(key)
                yield point


def named(configs: Sequence[Mapping[str, Any]], point: Point) -> dict[str, Any]:
    """A point of one of the sweeps with the full name of every parameter."""
    for config in configs:
        values = {
            name: value_at(point, parameter.path, _MISSING)
            for name, parameter in parameters_by_name(config).items()
        }
        if not any(value is _MISSING for value in values.values()):
            return values
    return dict(point)
