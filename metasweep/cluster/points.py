"""A sweep's points as the server counts them, read through wandb's public API."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

import click

from metasweep.client.account import Account
from metasweep.cluster.reach import check_reach

RECENT = 600  # seconds over which the rate is measured


@dataclass(frozen=True)
class Points:
    """How far a sweep is."""

    state: str
    expected: int | None
    done: int
    running: int
    failed: int
    run_seconds: float | None  # median of the finished runs
    rate: float  # runs finished per minute, lately

    @property
    def left(self) -> int | None:
        """Runs that are still to be finished, where the sweep has an end."""
        return None if self.expected is None else max(0, self.expected - self.done)

    @property
    def seconds_left(self) -> float | None:
        """At this rate."""
        return self.left / self.rate * 60 if self.left is not None and self.rate else None


def read_points(sweep: str, account: Account) -> Points:
    """Ask the server about a sweep. Raises click.ClickException."""
    try:
        check_reach(account.base_url)
    except ConnectionError as error:
        raise click.ClickException(f"{error}: start it, or look again later") from error
    import wandb  # a second's work

    try:
        api = wandb.Api({"base_url": account.base_url}, timeout=30, api_key=account.api_key)
        found = api.sweep(sweep)
        runs = list(api.runs(sweep.rpartition("/")[0], {"sweep": found.id}, per_page=500))
    except (wandb.Error, ValueError) as error:
        raise click.ClickException(f"Cannot read sweep {sweep}: {str(error).splitlines()[0]}") from error
    return count_points(str(found.state), found.expected_run_count, runs, time.time())


def count_points(state: str, expected: int | None, runs: list[Any], now: float) -> Points:
    """Count runs (with `state`, `created_at` and `heartbeat_at`) by their states."""
    states = Counter(run.state for run in runs)
    spans = [(seconds(run.created_at), seconds(run.heartbeat_at)) for run in runs if run.state == "finished"]
    first = min((start for start, _ in spans), default=now)
    window = max(1.0, min(RECENT, now - first))
    return Points(
        state=state.lower(),
        expected=expected,
        done=states["finished"],
        running=states["running"],
        failed=states["failed"] + states["crashed"],
        run_seconds=max(1.0, median(end - start for start, end in spans)) if spans else None,
        rate=sum(end > now - window for _, end in spans) / window * 60,
    )


def seconds(stamp: str | None) -> float:
    """Seconds since the epoch of the API's time stamp."""
    if not stamp:
        return 0.0
    stamp = stamp.replace("Z", "+00:00")
    return datetime.fromisoformat(stamp if stamp[-6] in "+-" else f"{stamp}+00:00").timestamp()
