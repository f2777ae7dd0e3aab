"""A study from a CSV file that W&B's page of runs has exported, for projects whose runs are gone.

The file has one line per run, with name, state, configuration and summary. It has no histories, and does not
say which column is configuration and which is summary. A column is a parameter if the sweep's own columns say
so, or if its name is not that of a metric.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

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
OF_RUNS = frozenset(name for names in RUN_COLUMNS.values() for name in names)
SUMMARY = ("epoch", "images_per_second", "diverged")
STEP = "_step"
DELIMITERS = (",", ";", "\t")  # spreadsheets save with the others
FOR_PEOPLE = re.compile(r"[-+]?[\d.,' \u00a0\u202f]*\d\s*%?")
TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")  # of day: a parameter may be a date
LONG_AGO = "1970-01-01T00:00:00+00:00"


def read_files(paths: Sequence[Path], asked: Asked = NOTHING_ASKED, seed: str | None = None) -> Study:
    """Read exported files, each as a sweep of its own.

    Raises:
        AnalysisError: a file cannot be read, has no runs, or holds a run that was there before.
    """
    sweeps, records = [], []
    for number, path in enumerate(paths):
        rows = _rows(path)
        metrics = _metrics(path, rows, asked)
        parameters = _parameters(rows, metrics)
        sweep_id = f"file{number + 1}"
        chosen = asked.metric or next(iter(sorted(metrics, key=_rank)), "")
        config: dict[str, Any] = {"method": "", "parameters": parameters}
        if chosen:
            config["metric"] = {"name": chosen}
        sweeps.append(Sweep(f"file/{path.stem}/{sweep_id}", path.stem, "", "", config))
        records += [_record(row, index, sweep_id, parameters) for index, row in enumerate(rows)]
    for run_id, count in Counter(record.run_id for record in records).items():
        if count > 1:
            raise AnalysisError(f"The run with ID {run_id} is there {count} times: delete its other lines.")
    return assemble(sweeps, records, {}, asked, seed)


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the lines below the header; columns without a name are left out."""
    text = _text(path)
    delimiter = next((sign for sign in DELIMITERS if _is_header(text, sign)), "")
    if not delimiter:
        raise AnalysisError(
            f"{path} is no export of W&B's runs: it needs a line per run and the column Name, State or ID."
        )
    try:
        reader = _reader(text, delimiter, strict=True)
        header = next(reader)
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise AnalysisError(f"{path} cannot be read as a CSV file: {error}. Export it again.") from error
    if not rows:
        raise AnalysisError(f"{path} has a header and no runs.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise AnalysisError(
                f"Run {number} in {path} has {len(row)} cells, the header {len(header)}: export it again."
            )
    cells = list(zip(*rows, strict=True))
    columns: dict[str, tuple[str, ...]] = {}
    for name, column in zip(header, cells, strict=True):
        if name and columns.setdefault(name, column) != column:
            raise AnalysisError(f"{path} has two different columns {name}: rename or delete one.")
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _text(path: Path) -> str:
    """Return what is in the file: UTF-8, or UTF-16 as spreadsheets save it."""
    try:
        data = path.read_bytes()
        return data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except OSError as error:
        raise AnalysisError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise AnalysisError(f"{path} is not in UTF-8: save it as CSV in UTF-8.") from error


def _reader(text: str, delimiter: str, strict: bool = False) -> Iterator[list[str]]:
    return csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=strict
    )


def _is_header(text: str, delimiter: str) -> bool:
    return not {"Name", "State", "ID"}.isdisjoint(next(_reader(text, delimiter), []))


def _metrics(path: Path, rows: Sequence[Mapping[str, str]], asked: Asked) -> list[str]:
    """Columns that are metrics by their name, such as val/acc or loss, and hold numbers.

    Raises:
        AnalysisError: the numbers of one are written for people, such as 1,234.5 or 91 %. 0,911 can be either
            of two numbers, so none is guessed.
    """
    found = []
    for name in rows[0]:
        told = "default" not in quantity(name, ()).note and not name.startswith("_")
        if not told and name != asked.metric:
            continue
        numbers = [_number(row[name]) for row in rows]
        for row, value in zip(rows, numbers, strict=True):
            if math.isnan(value) and FOR_PEOPLE.fullmatch(row[name]):
                raise AnalysisError(
                    f"{path} has {row[name]} in the column {name}: write numbers as 1234.5, without , and %."
                )
        if name == asked.metric or any(map(math.isfinite, numbers)):
            found.append(name)
    return found


def _rank(name: str) -> int:
    """Return the rank of a metric among those that could be chosen by.

    Validation comes first, then no part of the data, then test; accuracies come before losses.
    """
    found = quantity(name, ())
    return {"val": 0, None: 2, "test": 4, "train": 6}[found.split] + (found.kind == "loss")


def _parameters(rows: Sequence[Mapping[str, str]], metrics: Sequence[str]) -> dict[str, Any]:
    """Columns that take more than one value and are neither facts of W&B's nor metrics nor times."""
    left_out = {*FACTS, *metrics, *SUMMARY, *OF_RUNS}
    values = {
        name: list(dict.fromkeys(row[name] for row in rows if row[name]))
        for name in rows[0]
        if name not in left_out and not name.startswith("_") and not re.match(r"^(system|gradients?)/", name)
    }
    return {
        name: {"values": [_plain(value) for value in seen]}
        for name, seen in values.items()
        if len(seen) > 1 and not all(map(TIME.match, seen))
    }


def _record(row: Mapping[str, str], index: int, sweep_id: str, parameters: Mapping[str, Any]) -> RunRecord:
    def fact(name: str) -> str:
        return next((row[column] for column in RUN_COLUMNS[name] if row.get(column)), "")

    left_out = {*parameters, *OF_RUNS}
    summary = {name: _plain(value) for name, value in row.items() if name not in left_out and value != ""}
    runtime = _number(fact("runtime"))
    if math.isfinite(runtime):
        summary["_runtime"] = runtime
    created = _time(fact("created"))
    return RunRecord(
        run_id=fact("id") or f"{sweep_id}-{index + 1}",
        name=fact("name") or fact("id") or f"run {index + 1}",
        url="",
        sweep_id=sweep_id,
        state=fact("state").lower() or "finished",
        created_at=created,
        updated_at=created,
        config={name: _plain(row[name]) for name in parameters if row[name]},
        summary=summary,
        commit=fact("commit"),
    )


def _plain(text: str) -> Any:
    """Return a cell as a number, a truth value or a list if it is one; else the text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # a text of thousands of brackets
        return {"True": True, "False": False}.get(text, text)
    return value if not isinstance(value, str) else text


def _time(text: str) -> str:
    """Return a time in ISO 8601. A time in another form counts as not known."""
    found = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    return LONG_AGO if pd.isna(found) else str(found.isoformat())


def _number(text: str) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
