"""Fills a server with finished runs of a grid, through the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from benchmarks import synthetic
from benchmarks.traffic import Speaker, piece, point_of, run_load

PROJECT = "bench"
AGENTS = 16


def fill(environment: Mapping[str, str], seeds: int) -> str:
    """Run a synthetic grid of 80 configurations times `seeds`; return ENTITY/PROJECT/ID of the sweep."""
    return run_load(_fill(environment, seeds))


async def _fill(environment: Mapping[str, str], seeds: int) -> str:
    speakers = [await Speaker.open(environment, PROJECT) for _ in range(AGENTS)]
    sweep = await speakers[0].make_sweep(synthetic.sweep_config(seeds))
    await asyncio.gather(*(_work(speaker, sweep) for speaker in speakers))
    for speaker in speakers:
        speaker.line.close()
    return f"{speakers[0].entity}/{PROJECT}/{sweep}"


async def _work(speaker: Speaker, sweep: str) -> None:
    agent = await speaker.register(sweep)
    while commands := await speaker.beat(agent):
        command = commands[0]
        if command["type"] == "exit":
            return
        point = point_of(command)
        await speaker.begin(command["run_id"], point | synthetic.DATA_SET, sweep)
        await speaker.stream(command["run_id"], piece(list(synthetic.rows(point)), 0, end=True))
