"""A study from a CSV file that W&B's page of runs has exported, for projects whose runs are gone.

The file has one line per run, with name, state, configuration and summary. It has no histories, and does not
say which column is configuration and which is summary. A column is a parameter if the sweep's own columns say
so, or if its name is not that of a metric.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from metasweep.report.base.errors import AnalysisError
from metasweep.report.read.metrics import NOTHING_ASKED
from metasweep.report.read.quantities import Asked, quantity
from metasweep.report.read.records import FACTS, RunRecord, assemble
from metasweep.report.read.study import Study, Sweep

RUN_COLUMNS = {
    "name": ("Name",),
    "state": ("State",),
    "created": ("Created", "CreatedTimestamp"),
    "runtime": ("Runtime", "_runtime"),
    "updated": ("Updated", "_timestamp", "End Time"),
    "sweep": ("Sweep",),
    "id": ("ID", "Id", "run_id"),
    "user": ("User",),
    "notes": ("Notes",),
    "tags": ("Tags",),
    "group": ("Group",),
    "job_type": ("Job Type",),
    "commit": ("Commit", "Github"),
    "host": ("Hostname", "GPU Type", "GPU Count"),
}
SUMMARY = ("epoch", "images_per_second", "diverged")
STEP = "_step"
LONG_AGO = "1970-01-01T00:00:00+00:00"


def read_files(paths: Sequence[Path], asked: Asked = NOTHING_ASKED, seed: str | None = None) -> Study:
    """Read exported files, each as a sweep of its own.

    Raises:
        AnalysisError: a file cannot be read, or has no runs.
    """
    sweeps, records = [], []
    for number, path in enumerate(paths):
        rows = _rows(path)
        metrics = _metrics(rows, asked)
        parameters = _parameters(rows, metrics)
        sweep_id = f"file{number + 1}"
        chosen = asked.metric or next(iter(sorted(metrics, key=_rank)), "")
        config: dict[str, Any] = {"method": "", "parameters": parameters}
        if chosen:
            config["metric"] = {"name": chosen}
        sweeps.append(Sweep(f"file/{path.stem}/{sweep_id}", path.stem, "", "", config))
        records += [_record(row, index, sweep_id, path, parameters) for index, row in enumerate(rows)]
    return assemble(sweeps, records, {}, asked, seed)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [{key: value for key, value in row.items() if key} for row in csv.DictReader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnalysisError(f"{path} cannot be read as a CSV file: {error}.") from error
    if not rows or not any(name in rows[0] for name in ("Name", "State", "ID")):
        raise AnalysisError(
            f"{path} is no export of W&B's runs: it needs a line per run and the column Name, State or ID."
        )
    return rows


def _metrics(rows: Sequence[Mapping[str, str]], asked: Asked) -> list[str]:
    """Columns that are metrics by their name, such as val/acc or loss, and hold numbers."""
    found = []
    for name in rows[0]:
        told = "default" not in quantity(name, ()).note and not name.startswith("_")
        if name == asked.metric or (told and any(math.isfinite(_number(row.get(name))) for row in rows)):
            found.append(name)
    return found


def _rank(name: str) -> int:
    """Return the rank of a metric: validation, then no part of the data, then test; accuracies before
    losses.
    """
    found = quantity(name, ())
    return {"val": 0, None: 2, "test": 4, "train": 6}[found.split] + (found.kind == "loss")


def _parameters(rows: Sequence[Mapping[str, str]], metrics: Sequence[str]) -> dict[str, Any]:
    """Columns that take more than one value and are neither facts of W&B's nor metrics."""
    left_out = {*FACTS, *metrics, *SUMMARY, *(name for names in RUN_COLUMNS.values() for name in names)}
    values = {
        name: list(dict.fromkeys(row[name] for row in rows if row.get(name)))
        for name in rows[0]
        if name not in left_out and not name.startswith("_") and not re.match(r"^(system|gradients?)/", name)
    }
    return {
        name: {"values": [_plain(value) for value in seen]} for name, seen in values.items() if len(seen) > 1
    }


def _record(
    row: Mapping[str, str], index: int, sweep_id: str, path: Path, parameters: Mapping[str, Any]
) -> RunRecord:
    def fact(name: str) -> str:
        return next((row[column] for column in RUN_COLUMNS[name] if row.get(column)), "")

    summary = {name: _plain(value) for name, value in row.items() if name not in parameters and value != ""}
    runtime = _number(fact("runtime"))
    if math.isfinite(runtime):
        summary["_runtime"] = runtime
    created = fact("created")
    return RunRecord(
        run_id=fact("id") or f"{path.stem}-{index + 1}",
        name=fact("name") or fact("id") or f"run {index + 1}",
        url="",
        sweep_id=sweep_id,
        state=fact("state") or "finished",
        created_at=created if re.match(r"\d{4}-\d\d-\d\d", created) else LONG_AGO,
        updated_at=created if re.match(r"\d{4}-\d\d-\d\d", created) else LONG_AGO,
        config={name: _plain(row[name]) for name in parameters if row.get(name)},
        summary=summary,
        commit=fact("commit"),
    )


def _plain(text: str) -> Any:
    """Return a cell as a number, a truth value or a list if it is one; else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        return {"True": True, "False": False}.get(text, text)
    return value if not isinstance(value, str) else text


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
