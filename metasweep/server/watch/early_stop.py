"""Early termination: asks those running runs of a sweep to stop that hyperband gives up."""

import json
import logging
import sqlite3
from collections import defaultdict
from typing import Any

from metasweep.server.store.configs import config_of
from metasweep.server.store.database import Database
from metasweep.sweeps import costs_of, is_poor, limits

log = logging.getLogger("server")


class EarlyStop:
    """Follows the metric of the runs of those sweeps that have an early_terminate section."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._costs: dict[int, list[float]] = defaultdict(list)  # run id -> of what it has logged
        self._next_line: dict[int, int] = defaultdict(int)  # run id -> first line of history not read yet

    def look(self) -> None:
        """Look at every running sweep once."""
        sweeps = self._database.read().execute("SELECT * FROM sweeps WHERE state = 'RUNNING'").fetchall()
        poor = [run for sweep in sweeps for run in self._poor_runs(sweep)]
        if poor:
            self._database.write(lambda connection: request_stops(connection, poor))

    def _poor_runs(self, sweep: sqlite3.Row) -> list[sqlite3.Row]:
        """The running runs of a sweep that shall not go on."""
        config = config_of(self._database.read(), sweep)
        if not config.get("early_terminate"):
            return []
        query = "SELECT id, name, state, stop_requested, history_lines FROM runs WHERE sweep_id = ?"
        runs = self._database.read().execute(query, (sweep["id"],)).fetchall()
        for run in runs:
            self._follow(run, config)
        bounds = limits(config, [self._costs[run["id"]] for run in runs])
        running = [run for run in runs if run["state"] == "running" and not run["stop_requested"]]
        return [run for run in running if is_poor(config, self._costs[run["id"]], bounds)]

    def _follow(self, run: sqlite3.Row, config: dict[str, Any]) -> None:
        """Read what a run has logged since the last look."""
        begin, end = self._next_line[run["id"]], run["history_lines"]
        if begin > end:  # it was begun anew under its id
            begin, self._costs[run["id"]] = 0, []
        if begin < end:
            query = "SELECT text FROM history WHERE run_id = ? AND line >= ? AND line < ? ORDER BY line"
            rows = self._database.read().execute(query, (run["id"], begin, end))
            logged = map(json.loads, (row["text"] for row in rows))
            metric = config["metric"]["name"]
            self._costs[run["id"]] += costs_of(config, (row[metric] for row in logged if metric in row))
        self._next_line[run["id"]] = end


def request_stops(connection: sqlite3.Connection, runs: list[sqlite3.Row]) -> None:
    """Ask runs to stop; they learn it from their stream, their agent from its heartbeat."""
    connection.executemany("UPDATE runs SET stop_requested = 1 WHERE id = ?", [(run["id"],) for run in runs])
    log.info("early stop of %s", ", ".join(run["name"] for run in runs))
