"""Writes the tables of runs and histories, so that nobody has to ask the server again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from metasweep.report.base.errors import AnalysisError
from metasweep.report.read.study import Study
from metasweep.report.write.columns import explanation
from metasweep.report.write.formats import inert

RUNS, RUNS_CSV = "runs.parquet", "runs.csv"
HISTORY, HISTORY_CSV = "history.parquet", "history.csv"


def write_data(study: Study, folder: Path) -> None:
    """Write all runs, all histories and what their columns mean. The same data give the same bytes."""
    _write(study.runs, folder / RUNS)
    _write_csv(study.runs, folder / RUNS_CSV)
    _write(study.history, folder / HISTORY)
    (folder / "README.md").write_text(explanation(study), encoding="utf-8")


def export_data(study: Study, folder: Path) -> list[Path]:
    """Write the same, and histories also as CSV: everything of a study, without the server.

    Raises:
        AnalysisError: the folder cannot be written.
    """
    with writing(folder):
        write_data(study, folder)
        _write_csv(study.history, folder / HISTORY_CSV)
    names = (RUNS, RUNS_CSV, HISTORY, HISTORY_CSV, "README.md")
    return [folder / name for name in names]


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Create a folder before any work is done. An error while writing into it gives one line."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise AnalysisError(
            f"cannot write to {folder} ({error.strerror or error}): choose another --output"
        ) from error


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a CSV file in which no text is a formula to a spreadsheet."""
    texts = {str(name): column.map(inert) for name, column in frame.items() if column.dtype == object}
    frame.assign(**texts).rename(columns=inert).to_csv(path, index=False, lineterminator="\n")


def _write(frame: pd.DataFrame, path: Path) -> None:
    one_type = {str(name): column.astype(str) for name, column in frame.items() if _is_mixed(column)}
    frame.assign(**one_type).to_parquet(path, index=False, compression="zstd")


def _is_mixed(column: pd.Series) -> bool:
    """Return whether a column holds values of several types, which Parquet cannot store."""
    return column.dtype == object and column.dropna().map(type).nunique() > 1
