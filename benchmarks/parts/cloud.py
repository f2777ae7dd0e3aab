"""Far from the server: the gap between trainings, and the requests per run, ours and the stock agent's.

Between the agents and the embedded server is the tests' cloud (`tests.cloud`): each request takes a round
trip, a new connection two more. Trainings only sleep, so that only waiting is measured.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.measure import Comparison, Figure
from benchmarks.parts.overhead import OURS, STOCK, probe_sweep
from benchmarks.scene import create_sweep, embedded_server
from tests.cloud.proxy import Cloud, serve

ROUND_TRIPS = (0.0, 0.15, 0.4)  # seconds: this machine, another continent, a bad line
SPARE_POINTS = 10  # more than are run, since nothing is claimed early at the end of a sweep


@dataclass(frozen=True)
class Seen:
    """What was measured on one agent's runs."""

    gaps: tuple[float, ...]
    """Seconds from the end of one training to the beginning of the next."""
    operations: Counter[str]
    runs: int

    @property
    def requests(self) -> float:
        """Requests per run, including the agent's own."""
        return self.operations.total() / self.runs

    @property
    def told(self) -> str:
        """Requests per run by operation, the most frequent first."""
        return ", ".join(f"{name} {count / self.runs:.2g}" for name, count in self.operations.most_common())


def measure(nap_seconds: float = 10.0, our_runs: int = 5, stock_runs: int = 3) -> list[Comparison]:
    """Gap and requests at each of `ROUND_TRIPS`."""
    rows = []
    with embedded_server() as environment:
        for round_trip in ROUND_TRIPS:
            ours = run_through(OURS, our_runs, nap_seconds, round_trip, environment)
            stock = run_through(STOCK, stock_runs, nap_seconds, round_trip, environment)
            far = f"{1000 * round_trip:.0f} ms away"
            peers = {"wandb agent": Figure(stock.gaps)}
            rows.append(Comparison(f"gap between trainings, {far}", "s", Figure(ours.gaps), peers))
            peers = {"wandb agent": Figure((stock.requests,))}
            note = f"ours: {ours.told}; stock: {stock.told}"
            name = f"requests of a run of {nap_seconds:g} s, {far}"
            rows.append(Comparison(name, "requests", Figure((ours.requests,)), peers, note=note))
    return rows


def run_through(
    command: Sequence[str], count: int, nap_seconds: float, round_trip: float, environment: Mapping[str, str]
) -> Seen:
    """Let `command` do `count` runs of a new sweep through the cloud. The first gap is left out."""
    sweep = create_sweep(probe_sweep(count + SPARE_POINTS, "benchmarks.programs.nap"), environment)
    words = [word.replace("{sweep}", sweep).replace("{count}", str(count)) for word in command]
    cloud = Cloud(environment["WANDB_BASE_URL"], round_trip=round_trip)
    with tempfile.NamedTemporaryFile("r") as log, serve(cloud):
        far = {"WANDB_BASE_URL": cloud.url, "PROBE_LOG": log.name, "NAP_SECONDS": str(nap_seconds)}
        env = {**environment, **far}
        subprocess.run(words, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runs = [json.loads(line) for line in Path(log.name).read_text(encoding="utf-8").splitlines()]
    if len(runs) != count:
        raise RuntimeError(f"{words[:3]} made {len(runs)} of {count} runs")
    runs.sort(key=lambda run: run["began"])
    gaps = [later["began"] - earlier["ended"] for earlier, later in pairwise(runs)]
    return Seen(tuple(gaps[1:]), cloud.seen, count)
