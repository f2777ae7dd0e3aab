"""The report's statements about a running sweep, from the report itself in a process of its own.

numpy, pandas and a forest stay out of the server, which has to answer agents. The server writes down what it
knows about the runs, and the page shows the answer when it arrives.
"""

import json
import logging
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import metasweep
from metasweep import page
from metasweep.server.pages.data.rows import Rows, config
from metasweep.server.store import views
from metasweep.server.store.points.configs import config_of
from metasweep.server.store.runs import history
from metasweep.sweeps.metric import Metric
from metasweep.sweeps.states import FINISHED

COMMAND = (sys.executable, "-m", "metasweep.report.live")
PARENT = Path(metasweep.__file__).parents[1]  # no module of a user can hide the tool's modules there
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
FEWEST = 8  # finished runs; with fewer nothing can be said
LONGEST = 600.0  # seconds until an answer must be there
SHARE = 0.1  # of the time: the most that the report may work for one sweep
REST = 10.0  # at least so many seconds between two questions about a sweep
MOST_LINES = 200_000  # lines of history in a question
MOST_KEPT = 64

log = logging.getLogger("server")


@dataclass(frozen=True)
class LiveReport:
    """The report's answer."""

    serial: int = 0  # different for every answer
    chance: float | None = None  # accuracy that is reached without learning
    warnings: Sequence[Mapping[str, Any]] = ()  # text, and the column and value of its runs
    words: Mapping[str, str] = field(default_factory=dict)  # name of a run that ended badly -> what happened
    findings: Sequence[str] = ()
    importance: Mapping[str, Any] = field(default_factory=dict)  # columns, rows, notes; or note
    problem: str = ""  # why there is no answer


@dataclass
class Kept:
    """What is kept for one sweep."""

    version: Hashable = None
    reported: LiveReport = field(default_factory=LiveReport)
    good_until: float = 0.0


class Reporter:
    """Asks one question at a time and keeps the newest answers."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._busy = self._closed = False

    def newest(self, sweep: int, version: Hashable, question: Callable[[], Mapping[str, Any]]) -> LiveReport:
        """Return the last answer about a sweep. If its version has changed, request a new one."""
        with self._lock:
            kept = self._kept.setdefault(sweep, Kept())
            self._kept.move_to_end(sweep)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        if version != kept.version and time.monotonic() >= kept.good_until and not self._busy:
            self._begin(kept, version, question())
        return kept.reported

    def close(self) -> None:
        """End the current question."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def _begin(self, kept: Kept, version: Hashable, question: Mapping[str, Any]) -> None:
        with self._lock:
            if self._busy or self._closed:
                return
            self._busy = True
            kept.good_until = time.monotonic() + REST
        threading.Thread(target=self._ask, args=(kept, version, question), daemon=True).start()

    def _ask(self, kept: Kept, version: Hashable, question: Mapping[str, Any]) -> None:
        begun = time.monotonic()
        try:
            kept.reported = self._answer(question, kept.reported.serial + 1)
            kept.version = version
        finally:
            now = time.monotonic()
            kept.good_until = now + max(REST, (now - begun) / SHARE)
            self._busy = False

    def _answer(self, question: Mapping[str, Any], serial: int) -> LiveReport:
        with self._lock:
            if self._closed:
                return LiveReport(serial)
            self._process = process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                cwd=PARENT,
                env=os.environ | ONE_THREAD,
            )
        try:
            answer, errors = process.communicate(json.dumps(question), timeout=LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return LiveReport(serial, problem=f"The report took more than {LONGEST:.0f} seconds.")
        finally:
            self._process = None
        if process.returncode:
            if not self._closed:
                log.error("the report failed on a sweep that runs: %s", errors.strip()[-2000:])
            return LiveReport(serial, problem="The report failed: the server's log says why.")
        return LiveReport(serial, **json.loads(answer))


def ask(
    reporter: Reporter, connection: sqlite3.Connection, sweep: sqlite3.Row, parent: sqlite3.Row, base: str
) -> LiveReport:
    """Return the newest answer about a sweep."""
    finished, _ = version = views.finished_version(connection, sweep["id"])
    if finished < FEWEST:
        return LiveReport()
    return reporter.newest(sweep["id"], version, lambda: question(connection, sweep, parent, base))


def question(
    connection: sqlite3.Connection, sweep: sqlite3.Row, parent: sqlite3.Row, base: str
) -> dict[str, Any]:
    """A sweep as `metasweep.report.live` reads it."""
    configuration = config_of(connection, sweep)
    rows = Rows.read(connection, base, "sweep", sweep["id"], sys.maxsize, Metric.of(configuration))
    return {
        "sweep": {
            "path": f"{parent['entity']}/{parent['name']}/{sweep['name']}",
            "name": sweep["display_name"] or sweep["name"],
            "url": f"{base}/sweeps/{sweep['name']}",
            "state": sweep["state"],
            "config": configuration,
        },
        "runs": [record(row, sweep["name"]) for row in rows.rows],
        "histories": histories(connection, rows, Metric.of(configuration)),
    }


def record(row: sqlite3.Row, sweep: str) -> dict[str, Any]:
    """Return a run in the form of the client's API."""
    return {
        "run_id": row["name"],
        "name": row["display_name"],
        "url": "",
        "sweep_id": sweep,
        "state": row["state"],
        "created_at": row["created_at"],
        "updated_at": row["heartbeat_at"] or row["updated_at"],
        "config": config(row["config"]),
        "summary": json.loads(row["summary"]),
        "commit": "",
    }


def histories(connection: sqlite3.Connection, rows: Rows, metric: Metric | None) -> dict[str, list[str]]:
    """Return what the finished runs logged, as far as there is room.

    The worst come first, since these may have gone wrong.
    """
    values = rows.metric(metric.name) if metric else [None] * len(rows.rows)
    sign = -1.0 if metric and metric.goal == "minimize" else 1.0
    finished = [at for at, row in enumerate(rows.rows) if row["state"] == FINISHED]
    found: dict[str, list[str]] = {}
    left = MOST_LINES
    for at in sorted(finished, key=lambda at: (values[at] is not None, sign * (values[at] or 0.0))):
        row = rows.rows[at]
        left -= row["history_lines"]
        if left < 0:
            break
        found[row["name"]] = list(history.lines(connection, "history", row["id"]))
    return found


def sections(reported: LiveReport) -> list[page.Section]:
    """Return what the page shows of it below the charts."""
    found: list[page.Section] = []
    if reported.problem:
        return [page.Findings("Findings so far", [page.Finding(reported.problem)])]
    if reported.importance:
        notes = (
            [reported.importance["note"]] if "note" in reported.importance else reported.importance["notes"]
        )
        columns, rows = (reported.importance.get(part, ()) for part in ("columns", "rows"))
        found.append(page.Table("Importance", columns, rows, notes))
    if reported.findings:
        found.append(page.Findings("Findings so far", [page.Finding(text) for text in reported.findings]))
    return found
