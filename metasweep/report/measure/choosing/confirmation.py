"""Sweeps that run the chosen configurations again on fresh seeds.

Choosing and reporting on the same seeds favours the winner. With five seeds and equal true means, the 95 %
interval of the best of 24 configurations covers its mean only 72 % of the time. Fresh seeds correct this.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any

import pandas as pd

from metasweep.report.base.errors import AnalysisError
from metasweep.report.base.words import shortened
from metasweep.report.measure.choosing.configurations import Configuration
from metasweep.report.read.records import as_column, parameter_column
from metasweep.report.read.study import SEED, Study
from metasweep.sweeps.grid import Grid
from metasweep.sweeps.parameters import Parameter, value_at
from metasweep.sweeps.points import parameters_by_name

SEEDS = 5
REPLACED = ("name", "method", "parameters", "run_cap")


def confirming_sweeps(
    study: Study, chosen: Sequence[Configuration], seeds: int = SEEDS
) -> list[dict[str, Any]]:
    """Return one sweep configuration per chosen configuration.

    A grid of W&B cannot hold just some points of another grid.

    Each is the sweep of the configuration's first run, with its types and nesting, and with other seeds: the
    first integers that no run of the study has used.

    Raises:
        AnalysisError: the sweep has no parameter that repeats runs, so there are no other seeds.
    """
    if not study.seed:
        raise AnalysisError(
            "These sweeps have no parameter that repeats a run, such as `seed`: add one to confirm, "
            "or name it with --seed."
        )
    fresh = _fresh_seeds(study, seeds)
    return [_confirming(study, configuration, fresh) for configuration in chosen]


def _confirming(study: Study, configuration: Configuration, seeds: Sequence[int]) -> dict[str, Any]:
    run = configuration.runs.iloc[0]
    original = next(sweep for sweep in study.sweeps if sweep.id == run["sweep_id"])
    kept = {key: value for key, value in original.config.items() if key not in REPLACED}
    values = {
        parameter.path: SEED_HERE if name == study.seed else _own_value(name, parameter, run)
        for name, parameter in parameters_by_name(original.config).items()
    }
    if run["grid_point"]:
        values |= _grid_values(original.config, run["grid_point"], study.seed)
    specs = {
        path: {"values": list(seeds)} if value is SEED_HERE else {"value": _plain(value)}
        for path, value in values.items()
        if value is not ABSENT
    }
    return {
        "name": f"confirm {original.name}: {_words(configuration)}",
        **kept,
        "method": "grid",
        "parameters": _nested(specs),
    }


SEED_HERE, ABSENT = object(), object()


def _grid_values(config: Mapping[str, Any], key: str, seed: str) -> dict[tuple[str, ...], Any]:
    """The values of a point as the grid has them, by path, without the seed."""
    grid = Grid(config)
    index = grid.index(json.loads(key))
    if index is None:
        return {}
    point = grid.point(index)
    paths = {name: parameter.path for name, parameter in parameters_by_name(config).items() if name != seed}
    return {path: value_at(point, path, None) for path in paths.values()}


def _own_value(name: str, parameter: Parameter, run: pd.Series) -> Any:
    """Return the value of a parameter as the sweep wrote it. The column may hold another type."""
    shown = run[parameter_column(name)]
    if parameter.distribution == "constant":
        return parameter.settings["value"]
    if parameter.distribution.startswith("categorical"):
        listed = list(parameter.settings["values"])
        frame = as_column(pd.Series(listed, dtype=object), null=None in listed)
        alike = [value for value, seen in zip(listed, frame, strict=True) if _same(seen, shown)]
        return alike[0] if alike else _given(shown)
    return _given(shown)


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) or str(one) == str(other) or bool(pd.isna(one) and pd.isna(other))


def _given(shown: Any) -> Any:
    return ABSENT if pd.isna(shown) else shown


def _fresh_seeds(study: Study, count: int) -> list[int]:
    seeds = study.runs[SEED] if SEED in study.runs else pd.Series(dtype=float)
    used = pd.to_numeric(seeds, errors="coerce").dropna()
    first = max(0, int(used.max()) if len(used) else 0) + 1
    return list(range(first, first + count))


def _nested(specs: Mapping[tuple[str, ...], dict[str, Any]]) -> dict[str, Any]:
    """Nest parameters as a sweep's config does: a group is a mapping `parameters`."""
    whole: dict[str, Any] = {}
    for path, spec in specs.items():
        group = whole
        for name in path[:-1]:
            group = group.setdefault(name, {"parameters": {}})["parameters"]
        group[path[-1]] = spec
    return whole


def create(api_path: str, config: dict[str, Any]) -> str:
    """Create a sweep in the project of the given one; return its path."""
    import wandb  # takes half a second, and only this needs it

    entity, project, _ = api_path.split("/")
    with redirect_stdout(sys.stderr):  # the client prints a message
        return f"{entity}/{project}/{wandb.sweep(config, entity=entity, project=project)}"


def _words(configuration: Configuration) -> str:
    return ", ".join(
        f"{name.removeprefix('config:')}={shortened(str(_plain(value)))}"
        for name, value in configuration.values.items()
    )


def _plain(value: Any) -> Any:
    """A value that YAML can write."""
    return value.item() if hasattr(value, "item") else value
