"""Early termination: asks those running runs of a sweep to stop that hyperband gives up."""

import json
import logging
import sqlite3
from collections import defaultdict
from typing import Any

import search
from server.claims import parse_config
from server.database import Database

log = logging.getLogger("server")


class EarlyStop:
    """Follows the metric of the runs of those sweeps that have an early_terminate section."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._values: dict[int, list[Any]] = defaultdict(list)  # run id -> logged values of its metric
        self._next_line: dict[int, int] = defaultdict(int)  # run id -> first line of history not read yet

    def look(self) -> None:
        """Look at every running sweep once."""
        sweeps = self._database.read().execute("SELECT * FROM sweeps WHERE state = 'RUNNING'").fetchall()
        poor = [run for sweep in sweeps for run in self._poor_runs(sweep)]
        if poor:
            self._database.write(lambda connection: request_stops(connection, poor))

    def _poor_runs(self, sweep: sqlite3.Row) -> list[sqlite3.Row]:
        """The running runs of a sweep that shall not go on."""
        config = parse_config(sweep["config"])
        if not config.get("early_terminate"):
            return []
        query = "SELECT id, name, state, stop_requested, history_lines FROM runs WHERE sweep_id = ?"
        runs = self._database.read().execute(query, (sweep["id"],)).fetchall()
        for run in runs:
            self._follow(run, config["metric"]["name"])
        running = [run for run in runs if run["state"] == "running" and not run["stop_requested"]]
        return [run for run in running if self._is_poor(config, run, runs)]

    def _is_poor(self, config: dict[str, Any], run: sqlite3.Row, runs: list[sqlite3.Row]) -> bool:
        others = [self._values[other["id"]] for other in runs if other["id"] != run["id"]]
        return search.should_stop(config, self._values[run["id"]], others)

    def _follow(self, run: sqlite3.Row, metric: str) -> None:
        """Read what a run has logged since the last look."""
        begin, end = self._next_line[run["id"]], run["history_lines"]
        if begin >= end:
            return
        query = "SELECT text FROM history WHERE run_id = ? AND line >= ? AND line < ? ORDER BY line"
        rows = self._database.read().execute(query, (run["id"], begin, end))
        found = [row[metric] for row in map(json.loads, (row[0] for row in rows)) if metric in row]
        self._values[run["id"]] += found
        self._next_line[run["id"]] = end


def request_stops(connection: sqlite3.Connection, runs: list[sqlite3.Row]) -> None:
    """Ask runs to stop; they learn it from their stream, their agent from its heartbeat."""
    connection.executemany("UPDATE runs SET stop_requested = 1 WHERE id = ?", [(run["id"],) for run in runs])
    log.info("early stop of %s", ", ".join(run["name"] for run in runs))
