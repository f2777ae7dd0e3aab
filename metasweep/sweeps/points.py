"""How many runs a sweep needs, and which point a run belongs to, for agent, server and report alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metasweep.sweeps.grid import Grid, identity, make_axis
from metasweep.sweeps.parameters import GRID_DISTRIBUTIONS, Parameter, Point, read_parameters, value_at

PointKey = str
"""The identity of a point. It is the same in every sweep with that point."""
MOST_LISTED = 10_000
"""Up to so many values of one parameter are listed; with more (`min: 1, max: 1000000`) it is a scale."""
MOST_COMPARED = 1_000_000
"""Up to so many points of several grids are compared with each other."""
_MISSING = object()


def parameters_by_name(config: Mapping[str, Any]) -> dict[str, Parameter]:
    """Return the parameters in the config's own order; nested names have dots: `optimizer.lr`.

    If two would have the same name (`a.b`, and `b` in the group `a`), the nested one is `a/b`.
    """
    found: dict[str, Parameter] = {}
    known = read_parameters({"parameters": config.get("parameters") or {}}, sort=False)
    flat = {parameter.path[0] for parameter in known if len(parameter.path) == 1}
    for parameter in known:
        name = ".".join(parameter.path)
        found["/".join(parameter.path) if len(parameter.path) > 1 and name in flat else name] = parameter
    return found


def listed_values(config: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return the values of every parameter with a list of them, each once; continuous ones are left out."""
    found = {}
    for name, parameter in parameters_by_name(config).items():
        if parameter.distribution in (*GRID_DISTRIBUTIONS, "categorical_w_probabilities"):
            axis = make_axis(parameter)
            if axis.size <= MOST_LISTED:
                found[name] = tuple(axis.value(position) for position in range(axis.size))
    return found


def varied(config: Mapping[str, Any]) -> set[str]:
    """Return the parameters with more than one value, including continuous ones."""
    listed = listed_values(config)
    return {name for name in parameters_by_name(config) if len(listed.get(name, (0, 1))) > 1}


def constants(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with a single value, and that value."""
    return {name: values[0] for name, values in listed_values(config).items() if len(values) == 1}


def values_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values in a run's config, `{"lr": {"value": 0.1}, …}`, without W&B's own entries."""
    own = {name: entry for name, entry in config.items() if name != "_wandb" and isinstance(entry, Mapping)}
    return {name: entry["value"] for name, entry in own.items() if "value" in entry}


def is_grid(config: Mapping[str, Any]) -> bool:
    """Return whether the sweep runs every point once."""
    return config.get("method") == "grid"


def grid_size(config: Mapping[str, Any]) -> int | None:
    """Return the number of points of a sweep; None if its method is not grid, which has no end."""
    return Grid(config).size if is_grid(config) else None


def expected_runs(config: Mapping[str, Any]) -> int | None:
    """Return the number of runs that a sweep needs; None without a limit."""
    sizes = [config.get("run_cap"), grid_size(config)]
    return min((size for size in sizes if size is not None), default=None)


def point_key(grid: Grid, config: Mapping[str, Any]) -> PointKey | None:
    """Return the point of a grid that a run with this config belongs to; None if there is none."""
    index = grid.index(config)
    return None if index is None else identity(grid.point(index))


def points_in_all(grids: Sequence[Grid]) -> int:
    """Return the number of different points in several grids.

    Grids with more than `MOST_COMPARED` points together are not compared: their sizes are added.
    """
    size = sum(grid.size for grid in grids)
    if len(grids) == 1 or size > MOST_COMPARED:  # comparing takes some 10 µs per point
        return size
    return len({identity(grid.point(index)) for grid in grids for index in range(grid.size)})


def points_without(grids: Sequence[Grid], reached: set[PointKey]) -> Iterator[Point]:
    """Yield the points of several grids that are not in `reached`, each once, in the grids' order."""
    seen = set(reached)
    for grid in grids:
        for index in range(grid.size):
            point = grid.point(index)
            key = identity(point)
            if key not in seen:
                seen.add(key)
                yield point


def named(configs: Sequence[Mapping[str, Any]], point: Point) -> dict[str, Any]:
    """Return a point of one of the sweeps, with the full name of every parameter."""
    for config in configs:
        values = {
            name: value_at(point, parameter.path, _MISSING)
            for name, parameter in parameters_by_name(config).items()
        }
        if not any(value is _MISSING for value in values.values()):
            return values
    return dict(point)
