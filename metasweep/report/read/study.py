"""The typed tables that the report works on: `Study`.

`Study.runs` has one row per run, in order of creation. `Study.history` is in long form: one row per logged
step of every run, NaN if something was not logged. Facts about runs have our own column names, parameters
have their own name (or `config:NAME`, if that is one of ours), metrics the name under which they were logged
(or `summary:NAME`). So a user's name never collides with another.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from metasweep.report.read.quantities import Quantity
from metasweep.sweeps.points import is_grid, listed_values

SEED = "seed"  # column of the repetitions, whatever the sweep calls it
TEST_SIZE = ("test-size", "test_size")  # affects the measurement, not the training, so it is never tuned
SPLITS = ("train", "val", "test")
RUN_FACTS = (
    *("run_id", "name", "url", "sweep_id", "state", "created_at", "updated_at", "runtime_seconds"),
    *("duplicate", "diverged", "grid_point", "epoch", "images_per_second", "parameter_count"),
    *("device", "commit", "versions"),
)
MADE = (
    "word",
    "step",
    "index",
    "value",
    "at",
    "n",
    "mean",
    "half_width",
    "std",
    "min",
    "q1",
    "median",
    "q3",
    "max",
)
RESERVED = frozenset((*RUN_FACTS, SEED, *MADE))
"""Names of our own columns. A parameter with such a name has the column `config:NAME`."""
TEST_ACCURACY = Quantity("test/acc", "accuracy", "maximize")
VALIDATION_ACCURACY = Quantity("val/acc", "accuracy", "maximize")


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


@dataclass(frozen=True, eq=False)
class Study:
    """All runs of one or several sweeps."""

    runs: pd.DataFrame
    history: pd.DataFrame
    parameters: tuple[str, ...]  # columns of the varied parameters, without the seed
    constants: Mapping[str, Any] = field(default_factory=dict)  # parameters with a single value
    sweeps: tuple[Sweep, ...] = ()
    metric: Quantity = VALIDATION_ACCURACY  # the sweep's metric, by which configurations are chosen
    reported: Quantity = TEST_ACCURACY  # the same on test data, if the runs have it
    metrics: tuple[Quantity, ...] = (VALIDATION_ACCURACY, TEST_ACCURACY)  # these and related ones
    objectives: tuple[Quantity, ...] = ()  # the metrics that a sweep names, if several
    seed: str = SEED  # the sweep's name for its repetitions; empty without any
    notes: tuple[str, ...] = ()  # what had to be guessed while reading
    class_counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # split -> images per class
    class_names: tuple[str, ...] = ()
    dataset: str = ""  # its name, where the runs say it
    data_dir: str = ""  # the folder in which the runs found it
    where: str = ""  # the condition that selected the runs, if any

    @property
    def finished(self) -> pd.DataFrame:
        """The runs to draw and to count: every finished grid point exactly once (its first finished run)."""
        runs = self.runs
        return runs[(runs["state"] == "finished") & ~runs["duplicate"]].reset_index(drop=True)

    @property
    def x(self) -> str:
        """The x axis of curves: epochs if any run logged them, else steps."""
        return "epoch" if self.history["epoch"].notna().any() else "step"

    @property
    def drawn(self) -> bool:
        """Whether a search drew configurations, or nobody knows how they came about: not all are grids."""
        return not self.sweeps or not all(is_grid(sweep.config) for sweep in self.sweeps)

    def companion(self, split: str, like: Quantity | None = None) -> Quantity | None:
        """Return the metric of the same kind as `like` on a part of the data.

        Without `like`, of the same kind as the sweep's metric.
        """
        kind = (like or self.metric).kind
        return next((m for m in self.metrics if m.split == split and m.kind == kind), None)

    @property
    def loss(self) -> Quantity | None:
        """The loss that belongs to the reported metric, unless that is a loss itself."""
        if self.reported.kind == "loss":
            return None
        losses = [metric for metric in self.metrics if metric.kind == "loss"]
        same = [metric for metric in losses if metric.split == self.reported.split]
        return next(iter([*same, *losses]), None)

    def levels(self, parameter: str) -> list[Hashable]:
        """Return the distinct values of a parameter: numbers ascending, others in the sweep's order."""
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
