"""A large sweep on a real server process: 1,000 agents, a grid of 22,500 points, stub training.

Every agent claims a point, begins its run, sends its rows in pieces while it "trains", sends a heartbeat
every 5 s, and claims the next. These are all requests of a real agent and run, but nothing is computed. At
the end all runs are read back to check that each point is finished exactly once.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks import synthetic
from benchmarks.fill import PROJECT
from benchmarks.latency import Latencies
from benchmarks.measure import Comparison, Figure, against_target
from benchmarks.parts.load import BEAT_SECONDS, MEMORY_MB, P99_MS
from benchmarks.scene import embedded_server, server_cpu_seconds, server_peak_mb
from benchmarks.traffic import Speaker, piece, point_of, run_load
from metasweep.client.queries import RUNS

PIECES = 3  # of a run's rows
PAGE = 1000
DEADLINE_SECONDS = 900.0


@dataclass(frozen=True)
class Scale:
    """The size of the sweep. By default 1,000 agents ask for 140 points per second."""

    agents: int = 1000
    seeds: int = 375
    dropouts: tuple[float, ...] = (0, 0.1, 0.3)
    training_seconds: float = 7.0
    """On average."""

    @property
    def points(self) -> int:
        """The size of the grid: two models, five learning rates, two optimizers, dropouts and seeds."""
        return 2 * 5 * 2 * len(self.dropouts) * self.seeds


@dataclass
class Tally:
    """What was counted and timed."""

    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    rows: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    finished: Counter[str] = field(default_factory=Counter)
    """Finished runs by point, as read from the server at the end."""
    others: int = 0
    """Runs in any other state."""


def measure(scale: Scale | None = None) -> list[Comparison]:
    """Run the sweep once and describe it. Raises RuntimeError if a point is not finished once."""
    scale = scale or Scale()
    with embedded_server() as environment:
        idle = server_cpu_seconds(environment)
        tally = run_load(asyncio.wait_for(simulate(environment, scale), DEADLINE_SECONDS))
        memory, busy = server_peak_mb(environment), server_cpu_seconds(environment) - idle
    if set(tally.finished.values()) != {1} or len(tally.finished) != scale.points or tally.others:
        raise RuntimeError(
            f"{len(tally.finished)} of {scale.points} points finished, "
            f"{sum(n > 1 for n in tally.finished.values())} more than once; {tally.others} runs did not"
        )
    per_point = Figure((busy / scale.points * 1000,))
    return [
        *_describe(tally, scale),
        Comparison("server's processor time per point", "ms", per_point, {}),
        against_target("server's memory, peak", "MB", [memory], MEMORY_MB),
    ]


def _describe(tally: Tally, scale: Scale) -> list[Comparison]:
    seconds, seen = tally.ended - tally.began, tally.latencies
    note = (
        f"{scale.agents:,} agents; each of {scale.points:,} points finished exactly once, in {seconds:.0f} s"
    )
    out = [
        Comparison("points claimed and finished", "1/s", Figure((scale.points / seconds,)), {}, True, note),
        Comparison("history", "rows/s", Figure((tally.rows / seconds,)), {}, True),
    ]
    for kind, percent in itertools.product(seen.seen, (50, 99)):
        begin, end = seen.begin_and_end(kind, percent)
        name, values = f"{kind} p{percent}", [seen.milliseconds(kind, percent)]
        note = f"first tenth {begin:.1f} ms, last tenth {end:.1f} ms"
        if percent == 99 and kind in ("claim", "heartbeat"):
            out.append(against_target(name, "ms", values, P99_MS, note=note))
        else:
            out.append(Comparison(name, "ms", Figure(tuple(values)), {}, note=note))
    return out


async def simulate(environment: Mapping[str, str], scale: Scale) -> Tally:
    """Let all agents work until the sweep is done, then read its runs."""
    first = await Speaker.open(environment, PROJECT)
    config = synthetic.sweep_config(scale.seeds)
    config["parameters"]["dp"] = {"values": list(scale.dropouts)}
    sweep = await first.make_sweep(config)
    first.line.close()
    tally = Tally()
    await asyncio.gather(
        *(_agent(environment, sweep, scale.training_seconds, tally) for _ in range(scale.agents))
    )
    tally.ended = time.monotonic()
    await _read_back(await Speaker.open(environment, PROJECT), sweep, tally)
    return tally


async def _agent(environment: Mapping[str, str], sweep: str, training_seconds: float, tally: Tally) -> None:
    await asyncio.sleep(random.uniform(0, training_seconds))
    speaker = await Speaker.open(environment, PROJECT)
    agent = await speaker.register(sweep)
    while True:
        async with tally.latencies.timed("claim"):
            commands = await speaker.beat(agent)
        if not commands:
            await asyncio.sleep(BEAT_SECONDS)
        elif commands[0]["type"] == "exit":
            break
        else:
            await _train(speaker, agent, commands[0], training_seconds * random.uniform(0.5, 1.5), tally)
    speaker.line.close()


async def _train(
    speaker: Speaker, agent: str, command: Mapping[str, Any], seconds: float, tally: Tally
) -> None:
    """Send what a run sends, at the same times."""
    run, point = command["run_id"], point_of(command)
    async with tally.latencies.timed("upsert"):
        await speaker.begin(run, point)
    rows = list(synthetic.rows(point))
    began = time.monotonic()
    size = -(-len(rows) // PIECES)
    sends = []
    for number in range(PIECES):
        part, is_last = rows[number * size :][:size], number + 1 == PIECES
        sends.append((began + seconds * (number + 1) / PIECES, piece(part, number * size, is_last)))
    beats = [(began + BEAT_SECONDS * number, b"") for number in range(1, 1 + int(seconds / BEAT_SECONDS))]
    for due, body in sorted(sends + beats):
        await asyncio.sleep(due - time.monotonic())
        async with tally.latencies.timed("rows" if body else "heartbeat", due):
            await (speaker.stream(run, body) if body else speaker.beat(agent, run))
    tally.rows += len(rows)


async def _read_back(speaker: Speaker, sweep: str, tally: Tally) -> None:
    variables: dict[str, Any] = {"filters": json.dumps({"$and": [{"sweep": sweep}]}), "perPage": PAGE}
    where = {"project": speaker.project, "entity": speaker.entity}
    more = True
    while more:
        page = (await speaker.line.graphql(RUNS, **where, **variables))["project"]["runs"]
        for edge in page["edges"]:
            if edge["node"]["state"] == "finished":
                config = json.loads(edge["node"]["config"])
                config.pop("_wandb")
                tally.finished[json.dumps(config, sort_keys=True)] += 1
            else:
                tally.others += 1
        variables["cursor"], more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
