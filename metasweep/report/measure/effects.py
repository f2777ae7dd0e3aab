"""The reported metric by hyper-parameter: over runs, over epochs, and for two parameters at once. Pure."""

from __future__ import annotations

import numpy as np
import pandas as pd

from metasweep.report.measure.statistics import interval
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import Study


def by_level(
    study: Study, parameter: str, metric: Quantity | None = None, method: str = "t", confidence: float = 0.95
) -> pd.DataFrame:
    """One row per value of a parameter, in order.

    Args:
        metric: what is summed up; None: what the study reports.
        method: of the interval.
        confidence: its coverage.

    Returns:
        columns: the parameter, n, mean, half_width (of the mean over runs), std, and the quartiles min, q1,
        median, q3, max.
    """
    rows = []
    runs, column = study.finished, (metric or study.reported).column
    for level in study.levels(parameter):
        values = runs.loc[runs[parameter] == level, column].dropna().to_numpy(dtype=float)
        found = interval(values, method, confidence)
        quartiles = np.quantile(values, [0, 0.25, 0.5, 0.75, 1]) if len(values) else [np.nan] * 5
        names = ("min", "q1", "median", "q3", "max")
        rows.append(
            {
                parameter: level,
                "n": found.n,
                "mean": found.mean,
                "half_width": found.half_width,
                "std": found.std,
                **dict(zip(names, map(float, quartiles), strict=True)),
            }
        )
    return pd.DataFrame(rows)


def by_epoch(
    study: Study, parameter: str, metric: Quantity | None = None, method: str = "t", confidence: float = 0.95
) -> pd.DataFrame:
    """One row per value of a parameter and evaluated epoch: epoch, n, mean, half_width over runs."""
    column = (metric or study.reported).column
    rows = study.history[study.history[column].notna()]
    rows = rows.merge(study.finished[["run_id", parameter]], on="run_id")
    found = []
    for level in study.levels(parameter):
        for epoch, values in rows[rows[parameter] == level].groupby("epoch")[column]:
            i = interval(values, method, confidence)
            found.append(
                {parameter: level, "epoch": epoch, "n": i.n, "mean": i.mean, "half_width": i.half_width}
            )
    return pd.DataFrame(found, columns=[parameter, "epoch", "n", "mean", "half_width"])


def interaction(study: Study, row: str, column: str) -> pd.DataFrame:
    """Mean of what is reported for every pair of values: index and columns in order."""
    values = study.reported.column
    means = study.finished.pivot_table(index=row, columns=column, values=values, aggfunc="mean")
    return means.reindex(index=study.levels(row), columns=study.levels(column))
