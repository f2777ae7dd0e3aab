"""Early termination: asks the running runs that hyperband rejects to stop."""

import json
import logging
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metasweep.server.store import sweeps
from metasweep.server.store.base.database import Database
from metasweep.server.store.points.configs import config_of
from metasweep.server.store.runs import runs, streams
from metasweep.sweeps import costs_of, is_poor, is_steered, limits

log = logging.getLogger("server")


@dataclass
class Followed:
    """What is known of a run whose values are watched."""

    costs: list[float] = field(default_factory=list)
    """Of the values that it has logged."""
    lines: int = 0
    """How many lines of its history were read."""


class EarlyStop:
    """Follows the metric of runs in sweeps with an early_terminate section."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.followed: dict[int, Followed] = {}  # run id -> the run; those of running sweeps alone

    def look(self) -> None:
        """Check every running sweep once; forget the runs of the others."""
        before, self.followed = self.followed, {}
        running = sweeps.running().all(self._database.read())
        poor = [run for sweep in running for run in self._poor_runs(sweep, before)]
        if poor:
            self._database.write(
                lambda connection: runs.request_stops(connection, [run["id"] for run in poor])
            )
            log.info("early stop of %s", ", ".join(run["name"] for run in poor))

    def _poor_runs(self, sweep: sqlite3.Row, before: Mapping[int, Followed]) -> list[sqlite3.Row]:
        """Return the running runs of a sweep that should stop."""
        config = config_of(self._database.read(), sweep)
        # a program outside the server stops its runs
        if not config.get("early_terminate") or is_steered(config):
            return []
        found = runs.heads(self._database.read(), sweep["id"])
        costs = {run["id"]: self._follow(run, config, before) for run in found}
        bounds = limits(config, costs.values())
        running = [run for run in found if run["state"] == "running" and not run["stop_requested"]]
        return [run for run in running if is_poor(config, costs[run["id"]], bounds)]

    def _follow(
        self, run: sqlite3.Row, config: Mapping[str, Any], before: Mapping[int, Followed]
    ) -> list[float]:
        """Read what a run has logged since the last check; return all its costs."""
        known, end = before.get(run["id"]), run["history_lines"]
        if known is None or known.lines > end:  # then the run was started again under its id
            known = Followed()
        if known.lines < end:
            logged = map(json.loads, streams.rows_between(self._database.read(), run["id"], known.lines, end))
            metric = config["metric"]["name"]
            known.costs += costs_of(config, (row[metric] for row in logged if metric in row))
            known.lines = end
        self.followed[run["id"]] = known
        return known.costs
