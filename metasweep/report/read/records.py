"""From the API's answers to a `Study`. Pure: no requests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pandas as pd

from metasweep.report.base.errors import AnalysisError
from metasweep.report.read.metrics import (
    NOTHING_ASKED,
    find_metrics,
    is_usable,
    metric_of_run,
    number,
    numbers,
)
from metasweep.report.read.quantities import Asked, Quantity
from metasweep.report.read.study import RESERVED, SEED, SPLITS, Study, Sweep
from metasweep.sweeps.grid import Choices, Grid, identity, value_of_run
from metasweep.sweeps.metric import look_up
from metasweep.sweeps.points import (
    constants,
    is_grid,
    listed_values,
    parameters_by_name,
    point_key,
)
from metasweep.sweeps.seeds import seed_of

FIRST = (
    "model",
    "lr",
    "optimizer",
    "dp",
)  # learning rate beside optimizer, so that the chart shows their interaction
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
    sweeps: Sequence[Sweep],
    records: Sequence[RunRecord],
    histories: Mapping[str, History],
    asked: Asked = NOTHING_ASKED,
    seed: str | None = None,
) -> Study:
    """Build the study.

    Args:
        sweeps: at least one.
        records: all their runs.
        histories: run id -> logged rows; runs may be missing.
        asked: what the user says of the metric.
        seed: the parameter whose values are repetitions; None: found by its name.

    Raises:
        AnalysisError: no run has logged the metric that was asked for, or no sweep has that seed.
    """
    metrics = find_metrics([sweep.config for sweep in sweeps], records, histories, asked)
    names = _in_reading_order([name for sweep in sweeps for name in parameters_by_name(sweep.config)])
    repetition = seed_of(names, [sweep.config for sweep in sweeps]) if seed is None else seed
    if seed and seed not in names:
        raise AnalysisError(f"No sweep has a parameter {seed}: its parameters are {', '.join(names)}.")
    columns = {name: SEED if name == repetition else parameter_column(name) for name in names}
    runs = runs_frame(sweeps, records, histories, columns, metrics.all)
    tuned = [name for name in names if name != repetition]
    varied = [name for name in tuned if _varies(name, sweeps, runs[columns[name]])]
    class_names, counts = classes(records)
    return Study(
        runs=runs,
        history=history_frame(histories, metrics.all),
        parameters=tuple(columns[name] for name in varied),
        constants={
            columns[name]: runs[columns[name]].dropna().iloc[0]
            for name in tuned
            if name not in varied and runs[columns[name]].notna().any()
        },
        sweeps=tuple(sweeps),
        metric=metrics.chosen_by,
        reported=metrics.reported,
        metrics=metrics.all,
        objectives=metrics.objectives,
        seed=repetition,
        notes=metrics.notes,
        class_counts=counts,
        class_names=class_names,
        dataset=first(records, "dataset"),
        data_dir=first(records, "data_dir"),
    )


def parameter_column(name: str) -> str:
    """Return the column of a parameter: its name, or `config:NAME` if that may be another column's name."""
    return f"config:{name}" if name in RESERVED or "/" in name or ":" in name else name


def runs_frame(
    sweeps: Sequence[Sweep],
    records: Sequence[RunRecord],
    histories: Mapping[str, History],
    columns: Mapping[str, str],
    metrics: Sequence[Quantity],
) -> pd.DataFrame:
    """`Study.runs`: in order of creation, duplicates marked.

    Args:
        columns: full name of each parameter -> its column.
        metrics: what to read of each run.
    """
    readers = {sweep.id: _Reader(sweep.config) for sweep in sweeps}
    rows = []
    for record in records:
        reader, history = readers[record.sweep_id], histories.get(record.run_id, ())
        rows.append(
            {
                **_facts(record, metrics),
                "grid_point": reader.point(record.config),
                **{column: reader.value(record.config, name) for name, column in columns.items()},
                **{metric.column: metric_of_run(metric, record.summary, history) for metric in metrics},
            }
        )
    runs = pd.DataFrame(rows)
    for name in ("created_at", "updated_at"):
        runs[name] = pd.to_datetime(runs[name], utc=True, format="ISO8601")
    elapsed = (runs["updated_at"] - runs["created_at"]).dt.total_seconds()
    runs["runtime_seconds"] = runs["runtime_seconds"].fillna(elapsed)
    listed = [values for sweep in sweeps for values in listed_values(sweep.config).items()]
    empty = {name for name, values in listed if None in values}
    typed = {column: as_column(runs[column], null=name in empty) for name, column in columns.items()}
    runs = runs.assign(
        **{column: runs[column].astype(float) for column in (m.column for m in metrics)}, **typed
    )
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
        """Return the grid point that a run belongs to; empty if there is none."""
        return "" if self._grid is None else point_key(self._grid, config) or ""

    def value(self, config: Mapping[str, Any], name: str) -> Any:
        """Return a parameter as the sweep writes it.

        The run may have changed a text to a number, or the reverse.

        If the run did not record it: a constant of the sweep, or None.
        """
        value = value_of_run(config, self._paths.get(name, (name,)))
        choices = self._choices.get(name)
        position = None if choices is None else choices.position(value)
        if choices is not None and position is not None:
            value = choices.value(position)
        return self._constants.get(name) if value is None else value


def repeated(runs: pd.DataFrame) -> pd.Series:
    """Return a mask of finished runs whose grid point an earlier run has already finished."""
    finished = runs[(runs["state"] == "finished") & (runs["grid_point"] != "")]
    in_time = finished.sort_values("created_at", kind="stable")
    return in_time["grid_point"].duplicated().reindex(runs.index, fill_value=False)


def history_frame(histories: Mapping[str, History], metrics: Sequence[Quantity]) -> pd.DataFrame:
    """`Study.history`: one row per logged step that holds a metric or the epoch."""
    names = {"epoch", *(metric.name for metric in metrics)}
    kept = {run: [row for row in rows if not names.isdisjoint(row)] for run, rows in histories.items()}
    rows = list(chain.from_iterable(kept.values()))
    frame = pd.DataFrame(
        {
            "run_id": [run for run, own in kept.items() for _ in own],
            "step": numbers([row.get("_step", -1) for row in rows]),
            "epoch": numbers([row.get("epoch") for row in rows]),
            **{m.column: numbers([row.get(m.name) for row in rows]) / m.factor for m in metrics},
        }
    )
    frame["step"] = frame["step"].fillna(-1).astype(int)
    frame["epoch"] = _epochs(frame)
    return frame


def _epochs(history: pd.DataFrame) -> pd.Series:
    """Return the epochs done at every step.

    Only evaluations log the epoch; between them steps interpolate.
    """
    steps_per_epoch = history["step"] / history["epoch"]
    last = steps_per_epoch.groupby(history["run_id"]).transform("last")
    return history["epoch"].fillna(history["step"] / last)


def classes(records: Sequence[RunRecord]) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    """Return the classes' names and the images per class of every split.

    They are those of the run with the largest test set.
    """
    known = [record.config for record in records if _counted(record.config.get("class_counts"))]
    if not known:
        return (), {}
    config = max(known, key=lambda config: sum(config["class_counts"].get("test", ())))
    counts = config["class_counts"]
    number_of_classes = len(next(iter(counts.values())))
    names = config.get("class_names")
    if not isinstance(names, (list, tuple)) or len(names) != number_of_classes:
        names = range(number_of_classes)
    splits = sorted(counts, key=lambda split: SPLITS.index(split) if split in SPLITS else len(SPLITS))
    return tuple(map(str, names)), {split: tuple(map(int, counts[split])) for split in splits}


def _counted(counts: Any) -> bool:
    """Return whether something is images per class by split, of the same classes in all."""
    if not isinstance(counts, Mapping) or not counts:
        return False
    lists = [split for split in counts.values() if isinstance(split, (list, tuple)) and split]
    whole = all(type(count) is int and count >= 0 for split in lists for count in split)
    return whole and len(lists) == len(counts) and len(set(map(len, lists))) == 1


def first(records: Sequence[RunRecord], key: str) -> str:
    """Return a fact about all runs, from the first run that has it; empty if none has."""
    return next((str(record.config[key]) for record in records if record.config.get(key)), "")


def loose_runs(path: str, url: str, configs: Sequence[Mapping[str, Any]]) -> Sweep:
    """Return runs without a sweep as one sweep.

    Its parameters are what varies in their configs; it has no limit.
    """
    values: dict[str, dict[str, Any]] = {}
    for config in configs:
        for name, item in config.items():
            if isinstance(item, (str, int, float)) and name not in FACTS and not name.startswith("_"):
                values.setdefault(name, {})[identity(item)] = item
    parameters = {name: {"values": list(seen.values())} for name, seen in values.items() if len(seen) > 1}
    name = f"runs of no sweep in {path}"
    return Sweep(path, name, url, "", {"method": "", "parameters": parameters})


def _in_reading_order(names: Sequence[str]) -> list[str]:
    """Return `FIRST`, then the sweep's order.

    The client stores a sweep's parameters in alphabetical order.
    """
    return list(dict.fromkeys([*(name for name in FIRST if name in names), *names]))


def _facts(record: RunRecord, metrics: Sequence[Quantity]) -> dict[str, Any]:
    """Return the facts that every run has, independent of the search."""
    summary, config = record.summary, record.config
    noted = {**config, **summary}
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
        "diverged": summary.get("diverged") is True or any(_not_finite(m, summary) for m in metrics),
        "epoch": number(summary.get("epoch")),
        "images_per_second": number(noted.get("images_per_second")),
        "parameter_count": number(noted.get("parameter_count")),
        "device": str(config.get("device_name") or config.get("device") or ""),
        "commit": str(config.get("git_commit") or record.commit),
        "versions": _versions(config.get("versions")),
    }


def _versions(versions: Any) -> str:
    """Return `python 3.11.7, torch 2.14.1, …` as the run recorded it; empty if it did not."""
    if not isinstance(versions, Mapping):
        return ""
    names = sorted(versions, key=lambda name: (name != "python", name))  # servers do not keep the order
    return ", ".join(f"{name} {versions[name]}" for name in names)


def _not_finite(metric: Quantity, summary: Mapping[str, Any]) -> bool:
    """Return whether a metric ended as NaN or infinite, as a number or in JSON's words."""
    value = look_up(summary, metric.name)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return not is_usable(value)
    return value in NOT_FINITE


def as_column(values: pd.Series, null: bool = False) -> pd.Series:
    """Return a column in which equal values are equal and different ones differ, for pandas too.

    Numbers if all are numbers, even if a YAML file had them as texts (1e-5). Lists, mappings, and values that
    pandas would confuse (1 and true, 1 and "1") become their JSON. With `null`, None is a value like others:
    then all become texts.
    """
    present = values.astype(object).where(values.notna(), None) if null else values.dropna()
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
    return shown.reindex(values.index).astype(object).where(values.notna() | null, None)


def _as_json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)


def _varies(name: str, sweeps: Sequence[Sweep], run: pd.Series) -> bool:
    """Return whether a parameter has more than one value, in the sweeps or in the runs."""
    declared: set[str] = set()
    for sweep in sweeps:
        if name in parameters_by_name(sweep.config):
            values = listed_values(sweep.config).get(name)
            if values is None:  # continuous
                return True
            declared |= set(map(identity, values))
    return len(declared) > 1 or run.dropna().nunique() > 1
