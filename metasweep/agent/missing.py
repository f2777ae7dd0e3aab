"""`--missing`: the points of a grid that have no finished run, on any server, shared without overlap.

Many servers never offer a failed point again. So the agents pick points themselves, and settle who runs one
by making its run: the name follows from the point and the attempt, so that all of them choose the same one,
and the server tells only the first that the run is new (`inserted`).
"""

from __future__ import annotations

import hashlib
import json
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import click

from metasweep.client.protocol import Client
from metasweep.client.sweep import Sweep
from metasweep.sweeps import Grid
from metasweep.sweeps.states import FINISHED, OPEN

GIVEN_UP = "given up"  # our word for a preempted run that the server does not hand out again


@dataclass(frozen=True)
class Tried:
    """What has been made of one point."""

    states: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        """Whether no run of the point has finished and none is at it."""
        return not any(state == FINISHED or state in OPEN for state in self.states)


class Missing:
    """Hands out the missing points of a sweep."""

    def __init__(self, client: Client, sweep: Sweep) -> None:
        """Raises: click.UsageError, for a sweep whose points are not known beforehand."""
        if sweep.config.get("method") != "grid":
            raise click.UsageError(
                f"--missing is for a grid; {sweep.name} is a {sweep.config['method']} search"
            )
        self._client, self._sweep = client, sweep
        self._grid = Grid(sweep.config)
        self._preempted: set[str] = set()
        self.undecided = False
        """Whether the last look saw a preempted run that the server may still hand out: look again."""

    def claim(self) -> dict[str, Any] | None:
        """Return the command to run a missing point, which no other agent gets; None when none is left.

        To be called when the server has nothing left to hand out.
        """
        tried = self.tried()
        missing = [index for index in range(self._grid.size) if tried[index].is_missing]
        random.shuffle(missing)  # agents that start together rarely meet at a point
        for index in missing:
            name = self.run_name(index, attempt=len(tried[index].states) + 1)
            args = {key: {"value": value} for key, value in self._grid.point(index).items()}
            if self._client.make_run(self._sweep.name, name, args):
                program = self._sweep.config.get("program")
                return {"type": "run", "run_id": name, "args": args, "program": program}
        return None

    def tried(self) -> dict[int, Tried]:
        """Return the states of all runs, by point."""
        states: dict[int, list[str]] = defaultdict(list)
        before, self._preempted = self._preempted, set()
        for name, state, config in self._client.runs(self._sweep.name):
            index = self._grid.index(config)
            if state == "preempted":
                self._preempted.add(name)
                state = GIVEN_UP if name in before else state
            if index is not None:
                states[index].append(state)
        self.undecided = bool(self._preempted - before)
        found = {index: Tried(tuple(each)) for index, each in states.items()}
        return defaultdict(Tried, found)

    def run_name(self, index: int, attempt: int) -> str:
        """Return the name that every agent gives to this attempt at this point."""
        identity = json.dumps([str(self._sweep.name), index, attempt])
        return hashlib.sha256(identity.encode()).hexdigest()[:8]
