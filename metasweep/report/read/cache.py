"""Histories read before, in one SQLite file. A run that has not changed is not requested again."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from metasweep.report.base.errors import AnalysisError
from metasweep.report.read.records import History, RunRecord
from metasweep.sweeps.states import ENDED

SCHEMA = "CREATE TABLE IF NOT EXISTS histories (url TEXT PRIMARY KEY, version TEXT, rows TEXT)"


def default_path() -> Path:
    """In the user's cache directory."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "metasweep" / "histories.sqlite"


class HistoryCache:
    """Histories by run. A run's version is its creation time, state and last heartbeat."""

    def __init__(self, path: Path, refresh: bool = False) -> None:
        """Open or create the file. With `refresh` its content is replaced and not used."""
        self._refresh = refresh
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = OFF")  # what is lost can be read again
            self._database.execute(SCHEMA)
        except (OSError, sqlite3.DatabaseError) as error:
            message = f"The cache {path} cannot be used ({error}): delete it, or set XDG_CACHE_HOME."
            raise AnalysisError(message) from error

    def read(self, records: Sequence[RunRecord]) -> dict[str, History]:
        """Return run id -> history for the runs that are cached and have not changed."""
        found: dict[str, History] = {}
        if self._refresh:
            return found
        for record in records:
            query = "SELECT rows FROM histories WHERE url = ? AND version = ?"
            row = self._database.execute(query, (record.url, _version(record))).fetchone()
            if row:
                found[record.run_id] = json.loads(row[0])
        return found

    def write(self, histories: Iterable[tuple[RunRecord, str]]) -> None:
        """Store histories, each as a JSON list, unless their runs still grow."""
        ended = [(record.url, _version(record), rows) for record, rows in histories if record.state in ENDED]
        with self._database:
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO histories VALUES (?, ?, ?)", ended)


def _version(record: RunRecord) -> str:
    return f"{record.created_at} {record.updated_at} {record.state}"
