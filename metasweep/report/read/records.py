"""From what the API returned to a `Study`. Pure: no calls."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from metasweep.report.read.points import (
    axes,
    flat,
    normal,
    repeated,
)
from metasweep.report.read.study import (
    METRICS,
    SEED,
    SPLITS,
    Study,
    Sweep,
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
    specs = _in_reading_order({name: spec for sweep in sweeps for name, spec in _specs(sweep).items()})
    metric = sweeps[0].config.get("metric") or {}
    chosen_by = column(metric.get("name", "val/acc"))
    runs = runs_frame(sweeps, records, list(specs), chosen_by)
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
    declared = {sweep.id: axes(sweep.config) for sweep in sweeps}
    numbers = dict.fromkeys((*NUMBERS, metric))
    rows = [_row(record, parameters, declared.get(record.sweep_id, {}), numbers) for record in records]
    runs = pd.DataFrame(rows)
    for name in ("created_at", "updated_at"):
        runs[name] = pd.to_datetime(runs[name], utc=True, format="ISO8601")
    elapsed = (runs["updated_at"] - runs["created_at"]).dt.total_seconds()
    runs["runtime_seconds"] = runs["runtime_seconds"].fillna(elapsed)
    for name in parameters:
        runs[name] = _typed(runs[name])
    runs = runs.sort_values(["created_at", "run_id"], kind="stable").reset_index(drop=True)
    runs["duplicate"] = repeated(runs, {sweep.id: sweep.config for sweep in sweeps})
    return runs


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
    values: dict[str, dict[Hashable, Any]] = {}
    for config in configs:
        for name, item in config.items():
            if isinstance(item, (str, int, float)) and name not in FACTS and not name.startswith("_"):
                values.setdefault(name, {})[normal(item)] = item
    parameters = {name: {"values": list(seen.values())} for name, seen in values.items() if len(seen) > 1}
    name = f"runs of no sweep in {path}"
    return Sweep(path, name, url, "", {"method": "", "parameters": parameters})


def _in_reading_order(names: Mapping[str, Any]) -> dict[str, Any]:
    """`FIRST`, then as in the sweep: the client stores a sweep's parameters in alphabetical order."""
    first = [name for name in FIRST if name in names]
    return {name: names[name] for name in [*first, *names]}


def _specs(sweep: Sweep) -> dict[str, Mapping[str, Any]]:
    return flat(sweep.config.get("parameters") or {})


def _row(
    record: RunRecord,
    parameters: Sequence[str],
    declared: Mapping[str, tuple[Any, ...]],
    numbers: Sequence[str] | Mapping[str, Any],
) -> dict[str, Any]:
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
        **{name: _parameter(record.config, name, declared) for name in parameters},
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


def _parameter(config: Mapping[str, Any], name: str, declared: Mapping[str, tuple[Any, ...]]) -> Any:
    """Value in the run's config, nested or not; a constant of the sweep when the run did not record it."""
    value: Any = config.get(name, config.get(name.replace("-", "_")))
    if value is None:
        value = config
        for part in name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    if value is None and len(declared.get(name, ())) == 1:
        return declared[name][0]
    return normal(value) if isinstance(value, (list, dict)) else value


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
    """Numbers where all values are numbers, also when a YAML file had them as strings (1e-5)."""
    present = values.dropna()
    if any(isinstance(value, bool) for value in present):
        return values
    numbers = pd.to_numeric(present, errors="coerce")
    if not len(present) or numbers.isna().any():
        return values
    return pd.to_numeric(values)


def _varies(name: str, sweeps: Sequence[Sweep], runs: pd.DataFrame) -> bool:
    """Whether a parameter takes more than one value: by the sweeps' word, or by what was run."""
    distinct: set[Hashable] = set(map(normal, runs[name].dropna()))
    for sweep in sweeps:
        if name in _specs(sweep):
            distinct |= set(map(normal, axes(sweep.config).get(name, (0, 1))))  # continuous: more than one
    return len(distinct) > 1
