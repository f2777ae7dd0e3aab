"""The typed tables that everything here works on: `Study`.

`Study.runs` has one row per run, in order of creation; `Study.history` is the long form, one row per logged
step of every run, NaN where something was not logged. `analysis.columns` documents the columns of both.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from metasweep.sweeps.points import listed_values

SEED = "seed"
ACCURACIES = ("train_acc", "val_acc", "test_acc")
LOSSES = ("train_loss", "val_loss", "test_loss")
METRICS = (*ACCURACIES, *LOSSES)
TEST_SIZE = ("test-size", "test_size")  # what it measures with, not what it trains: never to be tuned
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Sweep:
    """One sweep as the server describes it."""

    path: str  # ENTITY/PROJECT/ID
    name: str
    url: str
    state: str
    config: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Study:
    """All runs of one or several sweeps."""

    runs: pd.DataFrame
    history: pd.DataFrame
    parameters: tuple[str, ...]  # what was varied, without the seed
    constants: Mapping[str, Any] = field(default_factory=dict)  # parameters with a single value
    sweeps: tuple[Sweep, ...] = ()
    metric: str = "val_acc"  # the sweep's metric as a column: what configurations are chosen by
    maximize: bool = True
    class_counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # split -> images per class
    class_names: tuple[str, ...] = ()
    dataset: str = ""  # its name, where the runs say it
    data_dir: str = ""  # where the runs found it
    where: str = ""  # the condition by which the runs were selected, if they were

    @property
    def finished(self) -> pd.DataFrame:
        """The rows to draw and to count: every finished grid point exactly once (its first finished run)."""
        runs = self.runs
        return runs[(runs["state"] == "finished") & ~runs["duplicate"]].reset_index(drop=True)

    def levels(self, parameter: str) -> list[Hashable]:
        """Distinct values of a parameter: numbers ascending, everything else in the sweep's order."""
        values = pd.Series(self.runs[parameter].dropna().unique()).tolist()
        if all(isinstance(value, (int, float)) for value in values):
            return sorted(values)
        declared = [
            value for sweep in self.sweeps for value in listed_values(sweep.config).get(parameter, ())
        ]
        order = {str(value): index for index, value in reversed(list(enumerate(declared)))}
        return sorted(values, key=lambda value: (order.get(str(value), len(order)), str(value)))

    def select(self, mask: pd.Series) -> Study:
        """The same study with only the runs of a boolean mask over `runs`, and their histories."""
        runs = self.runs[mask].reset_index(drop=True)
        return replace(self, runs=runs, history=self.history_of(runs["run_id"]).reset_index(drop=True))

    def history_of(self, run_ids: Iterable[str]) -> pd.DataFrame:
        """The rows of `history` of some runs."""
        return self.history[self.history["run_id"].isin(list(run_ids))]
