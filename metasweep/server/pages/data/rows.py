"""Runs as rows of a table: parameters and summary values from their JSON."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metasweep.page import columns
from metasweep.server.pages import find
from metasweep.server.pages.data.series import number
from metasweep.server.store import views
from metasweep.sweeps.metric import Metric, number_in


@dataclass(frozen=True)
class Rows:
    """Some runs of one project."""

    rows: list[sqlite3.Row]
    parameters: list[dict[str, Any]]
    summaries: list[dict[str, Any]]
    base: str  # address of the project
    _metrics: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        connection: sqlite3.Connection,
        base: str,
        scope: views.Scope,
        scope_id: int,
        limit: int,
        judged_by: Metric | None = None,
    ) -> "Rows":
        """Return the newest runs of a project or sweep. `judged_by` is the sweep's metric."""
        rows = views.runs(connection, scope, scope_id, limit)
        summaries = [measured(json.loads(row["summary"]), judged_by) for row in rows]
        return cls(rows, [point(row) for row in rows], summaries, base)

    def basics(self) -> dict[str, list[Any]]:
        """The columns that every page of runs needs."""
        return {
            "id": [row["name"] for row in self.rows],
            "name": [row["display_name"] for row in self.rows],
            "state": [row["state"] for row in self.rows],
            "url": [f"{self.base}/runs/{find.address(row['name'])[1:]}" for row in self.rows],
            "tags": [", ".join(json.loads(row["tags"])) or None for row in self.rows],
            "notes": [row["notes"] or None for row in self.rows],
        }

    def parameter(self, name: str) -> list[Any]:
        """The value of a parameter for each run."""
        return [values.get(name) for values in self.parameters]

    def metric(self, name: str) -> list[Any]:
        """The value of a metric for each run: the last, or what its program chose with `define_metric`."""
        if name not in self._metrics:
            self._metrics[name] = [number(summary.get(name)) for summary in self.summaries]
        return self._metrics[name]

    def parameter_names(self) -> list[str]:
        """Return the names of all parameters, in their order of appearance."""
        names = dict.fromkeys(name for values in self.parameters for name in values)
        return [name for name in names if name not in columns.RESERVED]

    def runtimes(self) -> list[float | None]:
        """Return the runtime of each run in seconds, as the run reports it."""
        return self.metric("_runtime")


def point(row: sqlite3.Row) -> dict[str, Any]:
    """Return the parameters of a run: those of its point, or its configuration if it has no point."""
    if row["parameters"] is not None:
        return columns.flatten(json.loads(row["parameters"]))
    return columns.flatten(config(row["config"]))


def config(text: str) -> dict[str, Any]:
    """Return a configuration without the client's own part."""
    items = json.loads(text).items()
    return {
        name: item["value"] if isinstance(item, dict) and "value" in item else item
        for name, item in items
        if not name.startswith("_")
    }


def measured(values: Mapping[str, Any], metric: Metric | None, prefix: str = "") -> dict[str, Any]:
    """Return a summary's values by name.

    Nested names have dots; of several aggregates the chosen one counts.
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        full = prefix + name
        if not isinstance(value, Mapping) or "_type" in value:
            found[full] = value
            continue
        goal = metric.goal if metric and full == metric.name else None
        aggregate = number_in(value, goal)
        found |= measured(value, metric, f"{full}.") if aggregate is None else {full: aggregate}
    return found
