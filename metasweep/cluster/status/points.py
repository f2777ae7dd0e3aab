"""How far a sweep is, counted from the server's runs through wandb's public API."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import click

from metasweep.client.account import Account
from metasweep.client.runs import read_runs
from metasweep.cluster.reach import check_reach
from metasweep.sweeps import Grid, is_grid
from metasweep.sweeps.metric import Metric
from metasweep.sweeps.states import FINISHED, outcome

RECENT = 600  # seconds over which the rate is measured


@dataclass(frozen=True)
class Points:
    """How far a sweep is."""

    state: str
    expected: int | None
    done: int
    """Points with a finished run. In a search without a grid, each run is a point."""
    running: int
    """Runs that are running; the next two also count runs."""
    finished: int
    measured: int
    """Finished runs that have logged the sweep's metric; all, if the sweep names no metric."""
    failed: int
    run_seconds: float | None  # median of the finished runs
    rate: float  # finished runs per minute, over the recent minutes in which a run was running

    @property
    def left(self) -> int | None:
        """Points that are not finished; None if the sweep has no limit."""
        return None if self.expected is None else max(0, self.expected - self.done)

    @property
    def seconds_left(self) -> float | None:
        """Seconds for the remaining points with the runs that run now; None if none does."""
        if self.left is None or not self.rate or not self.running:
            return None
        return self.left / self.rate * 60


def read_points(sweep: str, account: Account) -> Points:
    """Read a sweep from the server. Raises click.ClickException."""
    try:
        check_reach(account.base_url)
    except ConnectionError as error:
        raise click.ClickException(f"{error}: start it, or look again later") from error
    os.environ.setdefault("WANDB_SILENT", "true")  # it would say which settings it reads
    import wandb  # takes a second

    try:
        api = wandb.Api({"base_url": account.base_url}, timeout=30, api_key=account.api_key)
        found = api.sweep(sweep)
        runs = list(read_runs(api, sweep.rpartition("/")[0], {"sweep": found.id}))
        expected, config = found.expected_run_count, found.config
    except (wandb.Error, ValueError) as error:
        raise click.ClickException(f"Cannot read sweep {sweep}: {str(error).splitlines()[0]}") from error
    return count_points(str(found.state), expected, config, runs, time.time())


def count_points(
    state: str, expected: int | None, config: Mapping[str, Any], runs: list[Any], now: float
) -> Points:
    """Count runs of wandb's API, and their points."""
    metric = Metric.of(config)
    finished = [run for run in runs if run.state == FINISHED]
    outcomes = Counter(outcome(run.state) for run in runs)
    spans = [(seconds(run.created_at), seconds(run.heartbeat_at)) for run in runs]
    durations = [seconds(run.heartbeat_at) - seconds(run.created_at) for run in finished]
    ends = [seconds(run.heartbeat_at) for run in finished]
    busy = busy_seconds(spans, now - RECENT, now)
    return Points(
        state=state.lower(),
        expected=expected,
        done=count_distinct(config, finished),
        running=outcomes["running"],
        finished=len(finished),
        measured=sum(not metric or metric.of_run(run.summary_metrics or {}) is not None for run in finished),
        failed=outcomes["failed"],
        run_seconds=max(1.0, median(durations)) if durations else None,
        rate=sum(end > now - RECENT for end in ends) / busy * 60 if busy else 0.0,
    )


def count_distinct(config: Mapping[str, Any], finished: list[Any]) -> int:
    """Return how many points of a grid have a finished run. In other searches each run is a point."""
    if not is_grid(config):
        return len(finished)
    grid = Grid(config)
    points = [grid.index(dict(run.config)) for run in finished]
    return len({point for point in points if point is not None}) + points.count(None)


def busy_seconds(spans: Iterable[tuple[float, float]], begin: float, end: float) -> float:
    """Return the seconds between `begin` and `end` in which at least one span was open."""
    total, reached = 0.0, begin
    for first, last in sorted(spans):
        first, last = max(first, reached), min(last, end)
        if last > first:
            total, reached = total + last - first, last
    return total


def seconds(stamp: str | None) -> float:
    """Return the API's time stamp as seconds since the epoch."""
    if not stamp:
        return 0.0
    stamp = stamp.replace("Z", "+00:00")
    return datetime.fromisoformat(stamp if stamp[-6] in "+-" else f"{stamp}+00:00").timestamp()
