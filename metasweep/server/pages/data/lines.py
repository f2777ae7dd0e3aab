"""Lines of one metric over another, for the charts of a project or a sweep.

Lines are kept in memory, and only what was logged since is added, as for curves.
"""

import json
import sqlite3
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from metasweep.server.errors import BadRequest
from metasweep.server.pages import find
from metasweep.server.pages.answers import Answer, send
from metasweep.server.pages.data.series import Series, not_finite, number
from metasweep.server.store import views

STRETCHES = 50  # of a line: up to 100 points; with more, the extremes of at most 50 stretches
MOST_RUNS = 500  # per request
MOST_KEPT = 20_000  # lines in memory


@dataclass
class Line:
    """One metric of one run over another."""

    read: int = 0  # lines of the history
    first: str = ""
    place: float | None = None  # on the x axis: the newest value of the other metric
    series: Series = field(default_factory=lambda: Series(STRETCHES))

    def take(self, row: dict[str, Any], x: str, y: str) -> None:
        """Add one line of the history."""
        place = number(row.get(x))
        self.place = self.place if place is None else place
        value = row.get(y)
        if self.place is None:
            return
        if number(value) is not None:
            self.series.add((self.place, value))
        elif (sign := not_finite(value)) is not None:
            self.series.mark((self.place, sign))


class Lines:
    """The lines that were requested so far."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, str, str], Line] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, connection: sqlite3.Connection, run: sqlite3.Row, x: str, y: str) -> Series:
        """Return the line of a run, up to date."""
        with self._lock:
            key = (run["id"], x, y)
            line = self._kept.get(key)
            if line is None or run["history_lines"] < line.read:
                line = Line()
            if run["history_lines"] > line.read:
                line = extend(connection, run["id"], line, x, y)
            self._kept[key] = line
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return line.series


def extend(connection: sqlite3.Connection, run_id: int, line: Line, x: str, y: str) -> Line:
    """Read the new part of a history; all of it if the first line shows that the run started again."""
    for number_of, text in views.history_since(connection, run_id, line.read):
        if number_of == 0:
            if line.first and text != line.first:
                return extend(connection, run_id, Line(), x, y)
            line.first = text
        if number_of >= line.read:
            line.read = number_of + 1
            line.take(json.loads(text), x, y)
    return line


def answer(request: Request) -> Response:
    """GET ?runs=a,b&x=_step&y=loss: for each run the x values, the y values and the non-finite ones."""
    project, read = find.project(request), find.read(request)
    names = [name for name in request.query_params.get("runs", "").split(",") if name]
    x, y = request.query_params.get("x", "_step"), request.query_params.get("y", "")
    if not y or not names or len(names) > MOST_RUNS:
        raise BadRequest(f"y and 1 to {MOST_RUNS} runs are needed")
    lines: Lines = request.app.state.pages.lines
    found = {}
    for run in views.runs_named(read, project["id"], names):
        series = lines.get(read, run, x, y)
        points = series.sample()
        if points or series.marks:
            found[run["name"]] = {
                "x": [point[0] for point in points],
                "y": [float(f"{point[1]:.6g}") for point in points],
                "sampled": series.sampled,
                "marks": [list(mark) for mark in series.marks],
            }
    return send(request, Answer.of({"lines": found}))
