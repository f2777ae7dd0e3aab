"""The server under load: latency, rows per second, listing and memory, all on one machine.

One process plays all agents and runs (`traffic`), so its own work is included. Agents form an open loop: a
request counts from its due time, even if the one before it was late.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks import synthetic
from benchmarks.fill import PROJECT, fill
from benchmarks.latency import Latencies
from benchmarks.measure import Comparison, Figure, against_target
from benchmarks.scene import embedded_server, server_peak_mb
from benchmarks.traffic import Speaker, piece, point_of, run_load

BEAT_SECONDS = 5.0  # as wandb's own agent
BEATS_AT_LEAST = 20.0  # per second, so that even one agent gives enough of them
BEATS_PER_UPSERT = 6  # an agent begins a run every 30 s
CROWDS = (1, 100, 1000)
WINDOW_SECONDS = 12.0
STREAMS, ROWS_PER_REQUEST, REQUESTS_PER_STREAM = 100, 200, 12
LISTED_SEEDS = 125  # times 80 configurations: 10,000 runs

P99_MS, ROWS_PER_SECOND, LISTING_SECONDS, MEMORY_MB = 100.0, 20_000.0, 10.0, 500.0


def measure(repetitions: int = 3) -> list[Comparison]:
    """Latency, rows per second, listing and memory of one server."""
    with embedded_server() as environment:
        beats: dict[str, list[float]] = {}
        rows = []
        for _ in range(repetitions):
            for crowd in CROWDS:
                for name, value in latencies(environment, crowd).items():
                    beats.setdefault(f"{name}, {crowd:,} agents", []).append(value)
            rows.append(rows_per_second(environment))
        path = fill(environment, LISTED_SEEDS)
        listing = [listing_seconds(environment, path) for _ in range(repetitions)]
        memory = server_peak_mb(environment)
    return [
        *(_latency(name, values) for name, values in beats.items()),
        against_target(
            f"history, {STREAMS} runs at once", "rows/s", rows, ROWS_PER_SECOND, more_is_better=True
        ),
        against_target("10,000 runs with summaries through wandb.Api()", "s", listing, LISTING_SECONDS),
        against_target("server's memory, peak of all this", "MB", [memory], MEMORY_MB),
    ]


def _latency(name: str, values: list[float]) -> Comparison:
    if name.startswith("heartbeat p99"):
        return against_target(name, "ms", values, P99_MS)
    return Comparison(name, "ms", Figure(tuple(values)), {})


def latencies(environment: Mapping[str, str], crowd: int, window: float = WINDOW_SECONDS) -> dict[str, float]:
    """p50 and p99 of heartbeats and of upserts, in ms, of a crowd of agents with a running run each."""
    seen = run_load(_crowd(environment, crowd, window))
    kinds = ("heartbeat", "upsert")
    return {f"{kind} p{p}": seen.milliseconds(kind, p) for kind in kinds for p in (50, 99)}


async def _crowd(environment: Mapping[str, str], crowd: int, window: float) -> Latencies:
    first = await Speaker.open(environment, PROJECT)
    sweep = await first.make_sweep(synthetic.sweep_config(seeds=crowd))
    first.line.close()
    agents = [await Agent.enlist(environment, sweep) for _ in range(crowd)]
    seen = Latencies()
    beginning = time.monotonic() + 1
    interval = min(BEAT_SECONDS, crowd / BEATS_AT_LEAST)
    works = (agent.work(beginning, window, interval, number, seen) for number, agent in enumerate(agents))
    await asyncio.gather(*works)
    return seen


@dataclass(frozen=True)
class Agent:
    """An agent at a run."""

    speaker: Speaker
    id: str
    run: str
    point: dict[str, Any]

    @classmethod
    async def enlist(cls, environment: Mapping[str, str], sweep: str) -> Agent:
        """Register, and claim a run."""
        speaker = await Speaker.open(environment, PROJECT)
        agent = await speaker.register(sweep)
        (command,) = await speaker.beat(agent)
        return cls(speaker, agent, command["run_id"], point_of(command))

    async def work(
        self, beginning: float, window: float, interval: float, number: int, seen: Latencies
    ) -> None:
        """Send heartbeats, and sometimes begin the run, at regular times until the window is over.

        Agents count their heartbeats from their `number`, so that some of them begin a run at each.
        """
        beats, due = number, beginning + random.uniform(0, interval)
        while due < beginning + window:
            await asyncio.sleep(due - time.monotonic())
            async with seen.timed("heartbeat", due):
                await self.speaker.beat(self.id, self.run)
            if beats % BEATS_PER_UPSERT == 0:
                async with seen.timed("upsert"):
                    await self.speaker.begin(self.run, self.point)
            beats, due = beats + 1, due + interval
        await self.speaker.stream(self.run, piece([], 0, end=True))
        self.speaker.line.close()


def rows_per_second(environment: Mapping[str, str]) -> float:
    """Rows of history that the server stores per second while all streams send as fast as it answers."""
    return run_load(_stream_all(environment))


async def _stream_all(environment: Mapping[str, str]) -> float:
    point = {"model": "cnn", "lr": 0.001, "optimizer": "adam", "dp": 0.1, "seed": 1}
    rows = itertools.cycle(list(synthetic.rows(point)))
    pieces = []
    for offset in range(0, REQUESTS_PER_STREAM * ROWS_PER_REQUEST, ROWS_PER_REQUEST):
        numbered = [next(rows) | {"_step": offset + i} for i in range(ROWS_PER_REQUEST)]
        pieces.append(piece(numbered, offset))
    pieces.append(piece([], 0, end=True))
    speakers = [await Speaker.open(environment, PROJECT) for _ in range(STREAMS)]
    names = [f"stream{random.getrandbits(48):x}" for _ in speakers]
    for speaker, name in zip(speakers, names, strict=True):
        await speaker.begin(name, point)

    async def stream(speaker: Speaker, name: str) -> None:
        for body in pieces:
            await speaker.stream(name, body)
        speaker.line.close()

    began = time.perf_counter()
    await asyncio.gather(*map(stream, speakers, names))
    return STREAMS * REQUESTS_PER_STREAM * ROWS_PER_REQUEST / (time.perf_counter() - began)


def listing_seconds(environment: Mapping[str, str], path: str, runs: int = 80 * LISTED_SEEDS) -> float:
    """Seconds in which a new process with the real client lists the runs of a sweep.

    Raises: RuntimeError, if it does not find so many.
    """
    command = [sys.executable, "-m", "benchmarks.programs.listing", path]
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{path} cannot be listed: {done.stderr[-500:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if answer["runs"] != runs:
        raise RuntimeError(f"{path} lists {answer['runs']} runs")
    return float(answer["seconds"])
