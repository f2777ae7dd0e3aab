"""Curves from the histories of runs. Each line is read once, and a curve's size is bounded."""

import json
import re
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from metasweep.server.pages.data.series import Series, not_finite, number
from metasweep.server.store import views

PLAIN = re.compile(r"[\w/.-]+", re.ASCII)  # names that JSON can write in only one way
MOST_TRACKS = 20_000  # runs with curves in memory
STRETCHES = 32  # of a kept curve: up to 64 points; with more, the extremes of at most 32 stretches


@dataclass
class Track:
    """What is known about one run's history."""

    metrics: tuple[str, ...]
    lines: int = 0
    first: str = ""
    series: dict[str, Series] = field(default_factory=dict)


class Tracks:
    """The curves of many runs. Only new lines are read."""

    def __init__(self) -> None:
        self._tracks: OrderedDict[int, Track] = OrderedDict()
        self._lock = threading.Lock()

    def read(
        self, connection: sqlite3.Connection, runs: Sequence[sqlite3.Row], metrics: tuple[str, ...]
    ) -> list[dict[str, Series]]:
        """Return for each run its series of (step, epoch or None, value), by metric."""
        with self._lock:
            return [self._one(connection, run, metrics) for run in runs]

    def _one(
        self, connection: sqlite3.Connection, run: sqlite3.Row, metrics: tuple[str, ...]
    ) -> dict[str, Series]:
        track = self._tracks.get(run["id"])
        if track is None or not set(metrics) <= set(track.metrics) or run["history_lines"] < track.lines:
            track = Track(metrics)
        if run["history_lines"] > track.lines:
            track = self._extend(connection, run["id"], track)
        self._tracks[run["id"]] = track
        self._tracks.move_to_end(run["id"])
        if len(self._tracks) > MOST_TRACKS:
            self._tracks.popitem(last=False)
        return track.series

    def _extend(self, connection: sqlite3.Connection, run_id: int, track: Track) -> Track:
        """Read the new part of a history; all of it if the first line shows that the run started again."""
        marks = [metric if PLAIN.fullmatch(metric) else "" for metric in track.metrics]
        for line, text in views.history_since(connection, run_id, track.lines):
            if line == 0:
                if track.first and text != track.first:
                    return self._extend(connection, run_id, Track(track.metrics))
                track.first = text
            if line >= track.lines:
                track.lines = line + 1
                if any(mark in text for mark in marks):
                    take(track, json.loads(text))
        return track


def take(track: Track, row: dict[str, Any]) -> None:
    """Add a row of history to the series of its metrics."""
    step, epoch = number(row.get("_step")), number(row.get("epoch"))
    for metric in track.metrics:
        value = row.get(metric)
        if number(value) is not None:
            track.series.setdefault(metric, Series(STRETCHES)).add((step, epoch, value))
        elif (sign := not_finite(value)) is not None:
            track.series.setdefault(metric, Series(STRETCHES)).mark((step, epoch, sign))
