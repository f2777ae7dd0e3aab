"""The tables of runs and histories as files, so that nobody has to ask the server again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from metasweep.report.read.study import Study
from metasweep.report.write.columns import explanation

RUNS, RUNS_CSV, HISTORY = "runs.parquet", "runs.csv", "history.parquet"


def write_data(study: Study, folder: Path) -> None:
    """All runs, all histories and what their columns mean. The same data give the same bytes."""
    _write(study.runs, folder / RUNS)
    study.runs.to_csv(folder / RUNS_CSV, index=False, lineterminator="\n")
    _write(study.history, folder / HISTORY)
    (folder / "README.md").write_text(explanation(), encoding="utf-8")


def _write(frame: pd.DataFrame, path: Path) -> None:
    one_type = {str(name): column.astype(str) for name, column in frame.items() if _is_mixed(column)}
    frame.assign(**one_type).to_parquet(path, index=False, compression="zstd")


def _is_mixed(column: pd.Series) -> bool:
    """Whether a column holds values of several types, which Parquet has no word for."""
    return column.dtype == object and column.dropna().map(type).nunique() > 1
