"""Early termination: asks the running runs that hyperband rejects to stop."""

import json
import logging
import sqlite3
from collections import defaultdict
from typing import Any

from metasweep.server.store import sweeps
from metasweep.server.store.base.database import Database
from metasweep.server.store.points.configs import config_of
from metasweep.server.store.runs import runs, streams
from metasweep.sweeps import costs_of, is_poor, is_steered, limits

log = logging.getLogger("server")


class EarlyStop:
    """Follows the metric of runs in sweeps with an early_terminate section."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._costs: dict[int, list[float]] = defaultdict(list)  # run id -> costs of its logged values
        # run id -> first line of history that was not read yet
        self._next_line: dict[int, int] = defaultdict(int)

    def look(self) -> None:
        """Check every running sweep once."""
        running = sweeps.running().all(self._database.read())
        poor = [run for sweep in running for run in self._poor_runs(sweep)]
        if poor:
            self._database.write(
                lambda connection: runs.request_stops(connection, [run["id"] for run in poor])
            )
            log.info("early stop of %s", ", ".join(run["name"] for run in poor))

    def _poor_runs(self, sweep: sqlite3.Row) -> list[sqlite3.Row]:
        """Return the running runs of a sweep that should stop."""
        config = config_of(self._database.read(), sweep)
        # a program outside the server stops its runs
        if not config.get("early_terminate") or is_steered(config):
            return []
        found = runs.heads(self._database.read(), sweep["id"])
        for run in found:
            self._follow(run, config)
        bounds = limits(config, [self._costs[run["id"]] for run in found])
        running = [run for run in found if run["state"] == "running" and not run["stop_requested"]]
        return [run for run in running if is_poor(config, self._costs[run["id"]], bounds)]

    def _follow(self, run: sqlite3.Row, config: dict[str, Any]) -> None:
        """Read what a run has logged since the last check."""
        begin, end = self._next_line[run["id"]], run["history_lines"]
        if begin > end:  # the run was started again under its id
            begin, self._costs[run["id"]] = 0, []
        if begin < end:
            logged = map(json.loads, streams.rows_between(self._database.read(), run["id"], begin, end))
            metric = config["metric"]["name"]
            self._costs[run["id"]] += costs_of(config, (row[metric] for row in logged if metric in row))
        self._next_line[run["id"]] = end
