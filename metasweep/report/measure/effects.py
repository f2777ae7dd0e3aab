"""The reported metric by hyper-parameter: over runs, over epochs, and for two parameters at once. Pure."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from metasweep.report.measure.statistics import Interval, interval
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import SEED, Study


def repeats(study: Study) -> pd.DataFrame | None:
    """Which runs repeat each other: columns `cell` and `seed`, indexed by run id.

    None for a search that draws its configurations: there every run is a draw of its own.
    """
    if study.drawn:
        return None
    runs = study.runs
    cells = runs.groupby(list(study.parameters), dropna=False).ngroup() if study.parameters else 0
    seeds = runs["run_id"]
    if SEED in runs:
        seeds = runs[SEED].astype(object).where(runs[SEED].notna(), seeds)
    return pd.DataFrame({"cell": cells, "seed": seeds.map(str)}).set_index(runs["run_id"])


def mean_interval(
    values: NDArray[np.float64],
    repeated: pd.DataFrame | None = None,
    method: str = "t",
    confidence: float = 0.95,
) -> Interval:
    """Mean over runs of several configurations, and its interval.

    In a grid the seeds are the sample: the interval is for other seeds of the same configurations. In a
    search that draws its configurations, it is for other draws. There is none if nothing is repeated.

    Args:
        values: shape [runs], finite.
        repeated: the rows of `repeats` of these runs.
        method: of the interval.
        confidence: its coverage.
    """
    if repeated is None or not len(values):
        return interval(values, method, confidence)
    over = interval(_per_seed(values, repeated), method, confidence)
    own = interval(values)
    return replace(over, mean=own.mean, std=own.std, n=own.n)


def _per_seed(values: NDArray[np.float64], repeated: pd.DataFrame) -> NDArray[np.float64]:
    """Return one value per seed: the mean over the runs, as if only this seed had been used.

    If every seed has every configuration, that is the mean over the runs of the seed. Otherwise it is the
    mean over all runs plus the seed's deviations from the means of its configurations. A deviation from a
    mean of n runs is too small, and is divided by √(1 - 1 / n) (as in HC2: MacKinnon and White 1985).
    """
    cells = repeated["cell"].to_numpy()
    by_cell = pd.Series(values).groupby(cells)
    count = by_cell.transform("size").to_numpy()
    known = count > 1
    deviations = (values - by_cell.transform("mean").to_numpy())[known] / np.sqrt(1 - 1 / count[known])
    sums = pd.Series(deviations).groupby(repeated["seed"].to_numpy()[known]).sum().to_numpy()
    if len(sums) < 2:
        return np.array([np.mean(values)])
    share = math.sqrt(len(sums) * (len(sums) - 1)) / int(known.sum())
    return np.asarray(np.mean(values) + share * (sums - sums.mean()))


def by_level(
    study: Study, parameter: str, metric: Quantity | None = None, method: str = "t", confidence: float = 0.95
) -> pd.DataFrame:
    """One row per value of a parameter, in order.

    Args:
        metric: what is summed up; None: what the study reports.
        method: of the interval.
        confidence: its coverage.

    Returns:
        columns: the parameter, n (runs), mean, half_width (see `mean_interval`), std, and the quartiles min,
        q1, median, q3, max.
    """
    rows = []
    repeated = repeats(study)
    runs, column = study.finished, (metric or study.reported).column
    for level in study.levels(parameter):
        known = runs[(runs[parameter] == level) & runs[column].notna()]
        values = known[column].to_numpy(dtype=float)
        own = None if repeated is None else repeated.loc[known["run_id"]]
        found = mean_interval(values, own, method, confidence)
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


def interaction(study: Study, row: str, column: str) -> pd.DataFrame:
    """Mean of what is reported for every pair of values: index and columns in order."""
    values = study.reported.column
    means = study.finished.pivot_table(index=row, columns=column, values=values, aggfunc="mean")
    return means.reindex(index=study.levels(row), columns=study.levels(column))
