"""Curves read from the histories of runs: each line is read once, and a curve never grows past a bound."""

import json
import math
import re
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from metasweep.sweeps import is_finite

PLAIN = re.compile(r"[\w/.-]+", re.ASCII)  # names that JSON writes in one way only
MOST_TRACKS = 20_000  # runs with curves in memory
MOST_POINTS = 64  # of a kept curve, at least half of them when there are more


@dataclass
class Series:
    """A sample of one metric, evenly spaced, with its newest point."""

    limit: int = MOST_POINTS
    points: list[tuple[Any, ...]] = field(default_factory=list)
    seen: int = 0
    stride: int = 1
    last: tuple[Any, ...] = ()

    def add(self, point: tuple[Any, ...]) -> None:
        """Take the next point; when there are too many, every other one goes."""
        if self.seen % self.stride == 0:
            self.points.append(point)
            if len(self.points) >= 2 * self.limit:
                self.points = self.points[::2]
                self.stride *= 2
        self.last = point
        self.seen += 1

    def sample(self, most: int | None = None) -> list[tuple[Any, ...]]:
        """The points, at most about `most` of them, always with the newest."""
        step = max(1, math.ceil(len(self.points) / (most or self.limit)))
        points = self.points[::step]
        return points if not points or points[-1] == self.last else [*points, self.last]


@dataclass
class Track:
    """What is known of one run's history."""

    metrics: tuple[str, ...]
    lines: int = 0
    first: str = ""
    series: dict[str, Series] = field(default_factory=dict)


def number(value: Any) -> float | int | None:
    """The value when it is a finite number."""
    return value if is_finite(value) else None


class Tracks:
    """The curves of many runs, brought up to date from the lines that are new."""

    def __init__(self) -> None:
        self._tracks: OrderedDict[int, Track] = OrderedDict()
        self._lock = threading.Lock()

    def read(
        self, connection: sqlite3.Connection, runs: Sequence[sqlite3.Row], metrics: tuple[str, ...]
    ) -> list[dict[str, Series]]:
        """For each run its series of (step, epoch or None, value) by metric."""
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
        """Read what is new; all of it when the first line shows that the run was started afresh."""
        query = "SELECT line, text FROM history WHERE run_id = ? AND (line = 0 OR line >= ?) ORDER BY line"
        marks = [metric if PLAIN.fullmatch(metric) else "" for metric in track.metrics]
        for line, text in connection.execute(query, (run_id, track.lines)):
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
        value = number(row.get(metric))
        if value is not None:
            track.series.setdefault(metric, Series()).add((step, epoch, value))
