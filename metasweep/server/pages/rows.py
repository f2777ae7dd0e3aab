"""Runs as rows of a table: parameters and summaries out of their JSON."""

import json
import sqlite3
from dataclasses import dataclass, field
from typing import Any

from metasweep.server.pages import columns, find
from metasweep.sweeps.metric import Metric, look_up, number_in

COLUMNS = """runs.id, runs.name, display_name, state, created_at, heartbeat_at, history_lines, history_keys,
    summary, parameters, CASE WHEN parameters IS NULL THEN config END AS config, point, attempt, sweep"""


@dataclass(frozen=True)
class Rows:
    """Some runs of one project."""

    rows: list[sqlite3.Row]
    parameters: list[dict[str, Any]]
    summaries: list[dict[str, Any]]
    base: str  # address of the project
    judged_by: Metric | None = None  # the metric of the sweep that the runs are of
    _metrics: dict[str, list[Any]] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        connection: sqlite3.Connection,
        base: str,
        condition: str,
        *values: Any,
        judged_by: Metric | None = None,
    ) -> "Rows":
        """The runs that meet an SQL condition, which may end in ORDER BY and LIMIT."""
        rows = connection.execute(f"SELECT {COLUMNS} FROM runs WHERE {condition}", values).fetchall()
        return cls(
            rows, [point(row) for row in rows], [json.loads(row["summary"]) for row in rows], base, judged_by
        )

    def basics(self) -> dict[str, list[Any]]:
        """The columns that every page of runs needs."""
        return {
            "id": [row["name"] for row in self.rows],
            "name": [row["display_name"] for row in self.rows],
            "state": [row["state"] for row in self.rows],
            "url": [f"{self.base}/runs/{find.address(row['name'])[1:]}" for row in self.rows],
        }

    def parameter(self, name: str) -> list[Any]:
        """The value of a parameter for each run."""
        return [values.get(name) for values in self.parameters]

    def metric(self, name: str) -> list[Any]:
        """The value of a metric for each run: the last, or what its program chose with `define_metric`."""
        if name not in self._metrics:
            goal = self.judged_by.goal if self.judged_by and name == self.judged_by.name else None
            found = [number_in(look_up(summary, name), goal) for summary in self.summaries]
            self._metrics[name] = found
        return self._metrics[name]

    def parameter_names(self) -> list[str]:
        """The names of all parameters, in the order in which they come."""
        names = dict.fromkeys(name for values in self.parameters for name in values)
        return [name for name in names if name not in columns.RESERVED]

    def runtimes(self) -> list[float | None]:
        """Seconds that each run says it has taken."""
        return self.metric("_runtime")


def point(row: sqlite3.Row) -> dict[str, Any]:
    """The parameters of a run: those of its point, or its configuration when it has none."""
    if row["parameters"] is not None:
        return columns.flatten(json.loads(row["parameters"]))
    return columns.flatten(config(row["config"]))


def config(text: str) -> dict[str, Any]:
    """A configuration as the person gave it, without the client's part."""
    items = json.loads(text).items()
    return {
        name: item["value"] if isinstance(item, dict) and "value" in item else item
        for name, item in items
        if not name.startswith("_")
    }
