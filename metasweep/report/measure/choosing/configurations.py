"""Configurations: groups of runs that differ only in their seed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import pandas as pd

from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import SEED, Study
from metasweep.sweeps.points import listed_values


@dataclass(frozen=True)
class Configuration:
    """One point of the search, with its finished runs: rows of `Study.finished`, `one_per_seed`."""

    values: dict[str, Hashable]
    runs: pd.DataFrame

    def mean(self, column: str) -> float:
        """Mean over the seeds."""
        return float(self.runs[column].mean())

    @property
    def seeds(self) -> pd.Series:
        """The seed of each run; its id if there is no seed."""
        if SEED not in self.runs:
            return self.runs["run_id"]
        return self.runs[SEED].astype(object).where(self.runs[SEED].notna(), self.runs["run_id"])

    def by_seed(self, column: str) -> pd.Series:
        """Return the values by seed; by run if there is no seed."""
        return pd.Series(self.runs[column].to_numpy(dtype=float), index=self.seeds.to_numpy())


def configurations(study: Study) -> list[Configuration]:
    """All configurations with a finished run that has the metric, in the order of their first run."""
    runs = study.finished
    runs = runs[runs[study.metric.column].notna()]
    if not study.parameters:
        return [Configuration({}, one_per_seed(runs))] if len(runs) else []
    groups = runs.groupby(list(study.parameters), dropna=False, sort=False)
    return [
        Configuration(dict(zip(study.parameters, key, strict=True)), one_per_seed(group))
        for key, group in groups
    ]


def one_per_seed(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the first run of every seed of one configuration, since joined sweeps may repeat a point.

    A repeated seed tells nothing about other seeds; it would only narrow the interval.
    """
    if SEED in runs:
        runs = runs[~(runs[SEED].duplicated() & runs[SEED].notna())]
    return runs.reset_index(drop=True)


def expected_seeds(study: Study) -> int:
    """Return the number of runs of a complete configuration: the seeds of the smallest grid, at least one."""
    declared = [len(listed_values(sweep.config).get(study.seed, ())) for sweep in study.sweeps]
    return max(1, min((count for count in declared if count), default=1))


def complete(found: list[Configuration], seeds: int) -> list[Configuration]:
    """Return the configurations with all their seeds; without any, those with the most seeds.

    A mean over fewer seeds is noisier, so an unfinished configuration would win too often by luck.
    """
    most = max((len(configuration.runs) for configuration in found), default=0)
    return [configuration for configuration in found if len(configuration.runs) >= min(seeds, most)]


def best(found: list[Configuration], metric: Quantity, count: int) -> list[Configuration]:
    """Return the `count` best by mean metric over the seeds, best first.

    Of equal ones the earlier comes first.
    """
    return sorted(found, key=lambda each: -metric.sign * each.mean(metric.column))[:count]
