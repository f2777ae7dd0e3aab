"""Grid points: what a sweep expects, and which point a run is."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

Point = frozenset[tuple[str, Hashable]]  # (parameter, normal value) of every parameter


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, Mapping[str, Any]]:
    """Parameters of a sweep configuration, nested ones named with dots: `optimizer.lr`."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, spec in parameters.items():
        if "parameters" in spec:
            found.update(flat(spec["parameters"], f"{prefix}{name}."))
        else:
            found[prefix + name] = spec
    return found


def axes(config: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Values of every discrete parameter of a sweep, in its order; continuous ones are left out."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, spec in flat(config.get("parameters") or {}).items():
        if "value" in spec:
            found[name] = (spec["value"],)
        elif "values" in spec:
            found[name] = tuple(spec["values"])
        elif isinstance(spec.get("min"), int) and isinstance(spec.get("max"), int) and "q" not in spec:
            found[name] = tuple(range(spec["min"], spec["max"] + 1))
    return found


def varied(config: Mapping[str, Any]) -> set[str]:
    """Parameters of a sweep that take more than one value, continuous ones among them."""
    discrete = axes(config)
    return {name for name in flat(config.get("parameters") or {}) if len(discrete.get(name, (0, 1))) > 1}


def is_grid(config: Mapping[str, Any]) -> bool:
    """Whether every point of the sweep is to be run once."""
    return config.get("method") == "grid"


def grid_size(config: Mapping[str, Any]) -> int | None:
    """Number of runs that the sweep asks for; None when nothing limits it."""
    cap = config.get("run_cap")
    if not is_grid(config):
        return cap
    size = math.prod(len(values) for values in axes(config).values())
    return size if cap is None else min(size, cap)


def grid_points(config: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All points of a grid, the last parameter fastest."""
    names_and_values = axes(config)
    for values in itertools.product(*names_and_values.values()):
        yield dict(zip(names_and_values, values, strict=True))


def normal(value: Any) -> Hashable:
    """A value as YAML and program both mean it: 0, 0.0 and "0" are one; lists compare by content."""
    if isinstance(value, (list, dict)):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, bool) or value is None:
        return str(value)
    try:
        number = float(value)
    except ValueError:
        return str(value)
    return number if math.isfinite(number) else str(value)


def point(values: Mapping[str, Any]) -> Point:
    """The identity of a point."""
    return frozenset((name, normal(value)) for name, value in values.items())


def points_of_runs(runs: pd.DataFrame, configs: Mapping[str, Mapping[str, Any]]) -> pd.Series:
    """The point of every run of a grid; None for all other runs and for those that lack a parameter.

    Args:
        runs: rows as in `Study.runs`.
        configs: sweep id -> sweep configuration.
    """
    found = pd.Series([None] * len(runs), index=runs.index, dtype=object)
    for sweep_id, config in configs.items():
        if is_grid(config):
            values_of = axes(config)
            rows = runs[runs["sweep_id"] == sweep_id].reindex(columns=list(values_of)).astype(object)
            rows = rows.where(rows.notna(), None)
            lacking = [rows[name].isna() for name, values in values_of.items() if None not in values]
            rows = rows[~pd.concat(lacking, axis=1).any(axis=1)] if lacking else rows
            for index, values in zip(rows.index, rows.itertuples(index=False, name=None), strict=True):
                found[index] = point(dict(zip(values_of, values, strict=True)))
    return found


def repeated(runs: pd.DataFrame, configs: Mapping[str, Mapping[str, Any]]) -> pd.Series:
    """Mask of finished runs whose grid point an earlier run (in time of creation) has finished already."""
    finished = points_of_runs(runs, configs).where(runs["state"] == "finished").dropna()
    in_time = runs.loc[finished.index].sort_values("created_at", kind="stable").index
    return finished[in_time].duplicated().reindex(runs.index, fill_value=False)
