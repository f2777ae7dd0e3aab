"""From what the API returned to a `Study`. Pure: no calls."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from metasweep.report.read.study import (
    METRICS,
    SEED,
    SPLITS,
    Study,
    Sweep,
)
from metasweep.sweeps.grid import Choices, Grid, identity, value_of_run
from metasweep.sweeps.points import (
    constants,
    is_grid,
    listed_values,
    parameters_by_name,
    point_key,
)

FIRST = (
    "model",
    "lr",
    "optimizer",
    "dp",
)  # learning rate beside optimizer: the chart shows how they interact
NUMBERS = (*METRICS, "epoch", "images_per_second", "parameter_count")
FACTS = ("parameter_count", "threads", "dtype", "device", "device_name", "git_commit", "data_dir")
NOT_FINITE = ("NaN", "Infinity", "-Infinity")
History = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class RunRecord:
    """One run as the server describes it."""

    run_id: str
    name: str
    url: str
    sweep_id: str
    state: str
    created_at: str  # ISO 8601
    updated_at: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    commit: str


def assemble(
    sweeps: Sequence[Sweep], records: Sequence[RunRecord], histories: Mapping[str, History]
) -> Study:
    """Build the table.

    Args:
        sweeps: at least one.
        records: all their runs.
        histories: run id -> logged rows; runs may be missing.
    """
    specs = _in_reading_order([name for sweep in sweeps for name in parameters_by_name(sweep.config)])
    metric = sweeps[0].config.get("metric") or {}
    chosen_by = column(metric.get("name", "val/acc"))
    runs = runs_frame(sweeps, records, specs, chosen_by)
    varied = [name for name in specs if name != SEED and _varies(name, sweeps, runs)]
    names, counts = classes(records)
    return Study(
        runs=runs,
        history=history_frame(histories),
        parameters=tuple(varied),
        constants={
            name: runs[name].dropna().iloc[0]
            for name in specs
            if name not in (*varied, SEED) and runs[name].notna().any()
        },
        sweeps=tuple(sweeps),
        metric=chosen_by,
        maximize=metric.get("goal", "maximize") == "maximize",
        class_counts=counts,
        class_names=names,
        dataset=first(records, "dataset"),
        data_dir=first(records, "data_dir"),
    )


def column(key: str) -> str:
    """Name of the column of a logged key: `val/acc` becomes `val_acc`."""
    return key.replace("/", "_").replace(".", "_")


def runs_frame(
    sweeps: Sequence[Sweep], records: Sequence[RunRecord], parameters: Sequence[str], metric: str
) -> pd.DataFrame:
    """`Study.runs`: in order of creation, duplicates marked."""
    readers = {sweep.id: _Reader(sweep.config) for sweep in sweeps}
    numbers = dict.fromkeys((*NUMBERS, metric))
    rows = []
    for record in records:
        reader = readers[record.sweep_id]
        values = {name: reader.value(record.config, name) for name in parameters}
        rows.append({**_row(record, numbers), "grid_point": reader.point(record.config), **values})
    runs = pd.DataFrame(rows)
    for name in ("created_at", "updated_at"):
        runs[name] = pd.to_datetime(runs[name], utc=True, format="ISO8601")
    elapsed = (runs["updated_at"] - runs["created_at"]).dt.total_seconds()
    runs["runtime_seconds"] = runs["runtime_seconds"].fillna(elapsed)
    for name in parameters:
        runs[name] = _typed(runs[name])
    runs = runs.sort_values(["created_at", "run_id"], kind="stable").reset_index(drop=True)
    runs["duplicate"] = repeated(runs)
    return runs


class _Reader:
    """Finds the parameters of one sweep in the configs of its runs."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._grid = Grid(config) if is_grid(config) else None
        self._paths = {name: parameter.path for name, parameter in parameters_by_name(config).items()}
        listed = {name: Choices(list(values)) for name, values in listed_values(config).items()}
        self._choices = {name: choices for name, choices in listed.items() if choices.size > 1}
        self._constants = constants(config)

    def point(self, config: Mapping[str, Any]) -> str:
        """The grid point that a run is, empty when it is none."""
        return "" if self._grid is None else point_key(self._grid, config) or ""

    def value(self, config: Mapping[str, Any], name: str) -> Any:
        """A parameter as the sweep writes it, also where the run made a number of a text or the reverse.

        A constant of the sweep where the run did not record it; None where nobody did.
        """
        value = value_of_run(config, self._paths.get(name, (name,)))
        choices = self._choices.get(name)
        position = None if choices is None else choices.position(value)
        if choices is not None and position is not None:
            value = choices.value(position)
        return self._constants.get(name) if value is None else value


def repeated(runs: pd.DataFrame) -> pd.Series:
    """Mask of finished runs whose grid point an earlier run (in time of creation) has finished already."""
    finished = runs[(runs["state"] == "finished") & (runs["grid_point"] != "")]
    in_time = finished.sort_values("created_at", kind="stable")
    return in_time["grid_point"].duplicated().reindex(runs.index, fill_value=False)


def history_frame(histories: Mapping[str, History]) -> pd.DataFrame:
    """`Study.history`: one row per logged step that holds a known column."""
    keys = {name.replace("_", "/", 1): name for name in METRICS} | {"epoch": "epoch", "_step": "step"}
    columns: dict[str, list[Any]] = {name: [] for name in ("run_id", "step", "epoch", *METRICS)}
    for run_id, rows in histories.items():
        for row in rows:
            if any(key in row for key in keys if key != "_step"):
                columns["run_id"].append(run_id)
                for key, name in keys.items():
                    columns[name].append(row.get(key))
    frame = pd.DataFrame(columns)
    for name in keys.values():
        frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(float)
    frame["step"] = frame["step"].fillna(-1).astype(int)
    frame["epoch"] = _epochs(frame)
    return frame


def _epochs(history: pd.DataFrame) -> pd.Series:
    """Epochs done at every step. Only evaluations log the epoch; between them the steps tell."""
    steps_per_epoch = history["step"] / history["epoch"]
    last = steps_per_epoch.groupby(history["run_id"]).transform("last")
    return history["epoch"].fillna(history["step"] / last)


def classes(records: Sequence[RunRecord]) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    """Names of the classes and images per class in every split, of the run with the largest test set."""
    known = [record.config for record in records if record.config.get("class_counts")]
    if not known:
        return (), {}
    config = max(known, key=lambda config: sum(config["class_counts"].get("test", ())))
    counts = config["class_counts"]
    names = config.get("class_names") or range(len(next(iter(counts.values()))))
    splits = sorted(counts, key=lambda split: SPLITS.index(split) if split in SPLITS else len(SPLITS))
    return tuple(map(str, names)), {split: tuple(map(int, counts[split])) for split in splits}


def first(records: Sequence[RunRecord], key: str) -> str:
    """A fact about all runs, as the first one that noted it has it; empty when none did."""
    return next((str(record.config[key]) for record in records if record.config.get(key)), "")


def loose_runs(path: str, url: str, configs: Sequence[Mapping[str, Any]]) -> Sweep:
    """Runs of no sweep as one: what varies over their configurations are its parameters, it has no end."""
    values: dict[str, dict[str, Any]] = {}
    for config in configs:
        for name, item in config.items():
            if isinstance(item, (str, int, float)) and name not in FACTS and not name.startswith("_"):
                values.setdefault(name, {})[identity(item)] = item
    parameters = {name: {"values": list(seen.values())} for name, seen in values.items() if len(seen) > 1}
    name = f"runs of no sweep in {path}"
    return Sweep(path, name, url, "", {"method": "", "parameters": parameters})


def _in_reading_order(names: Sequence[str]) -> list[str]:
    """`FIRST`, then as in the sweep: the client stores a sweep's parameters in alphabetical order."""
    return list(dict.fromkeys([*(name for name in FIRST if name in names), *names]))


def _row(record: RunRecord, numbers: Sequence[str] | Mapping[str, Any]) -> dict[str, Any]:
    summary = {column(key): value for key, value in {**record.config, **record.summary}.items()}
    values = {name: number(summary.get(name)) for name in numbers}
    return {
        "run_id": record.run_id,
        "name": record.name,
        "url": record.url,
        "sweep_id": record.sweep_id,
        "state": record.state,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "runtime_seconds": number(summary.get("_runtime")),
        "duplicate": False,
        "diverged": bool(summary.get("diverged")) or _not_finite(summary),
        **values,
        "device": str(record.config.get("device_name") or record.config.get("device") or ""),
        "commit": str(record.config.get("git_commit") or record.commit),
        "versions": _versions(record.config.get("versions")),
    }


def _versions(versions: Any) -> str:
    """`python 3.11.7, torch 2.14.1, …` of what the run noted; empty when it did not."""
    if not isinstance(versions, Mapping):
        return ""
    names = sorted(versions, key=lambda name: (name != "python", name))  # servers do not keep their order
    return ", ".join(f"{name} {versions[name]}" for name in names)


def number(value: Any) -> float:
    """A logged value as a float, NaN when it is none; the server writes NaN and infinity as strings."""
    if isinstance(value, (int, float, str)):
        try:
            return float(value)
        except (OverflowError, ValueError):
            return math.nan
    return math.nan


def _not_finite(summary: Mapping[str, Any]) -> bool:
    """Whether a metric was logged as NaN or infinite, as a number or in the words of JSON."""
    logged = [summary.get(name) for name in METRICS]
    return any(
        value in NOT_FINITE or (isinstance(value, float) and not math.isfinite(value)) for value in logged
    )


def _typed(values: pd.Series) -> pd.Series:
    """A column in which equal values are equal and different ones differ, for pandas too.

    Numbers where all are numbers, also when a YAML file had them as texts (1e-5). Lists and mappings, and
    values that pandas would mix up (1 and true, 1 and "1"), are their JSON.
    """
    present = values.dropna()
    kinds = {
        bool if isinstance(value, bool) else str if isinstance(value, str) else type(value)
        for value in present
    }
    distinct = len(set(map(identity, present)))
    if kinds <= {int, float, str}:
        numbers = pd.to_numeric(present, errors="coerce")
        if len(present) and numbers.notna().all() and numbers.nunique() == distinct:
            return pd.to_numeric(values)
    if kinds <= {str} or kinds == {bool}:
        return values
    plain = present.map(str)
    shown = plain if plain.nunique() == distinct and not kinds & {list, dict} else present.map(_as_json)
    return shown.reindex(values.index).astype(object).where(values.notna(), None)


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _varies(name: str, sweeps: Sequence[Sweep], runs: pd.DataFrame) -> bool:
    """Whether a parameter takes more than one value: by the sweeps' word, or by what was run."""
    declared: set[str] = set()
    for sweep in sweeps:
        if name in parameters_by_name(sweep.config):
            values = listed_values(sweep.config).get(name)
            if values is None:  # continuous
                return True
            declared |= set(map(identity, values))
    return len(declared) > 1 or runs[name].dropna().nunique() > 1
