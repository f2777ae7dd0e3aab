"""`--missing`: agents share the points of a grid that have no finished run, on any server, without overlap.

Many servers never offer a failed point again, so the agents pick the points themselves. An agent claims a
point by creating its run. The run's name follows from the point and the attempt, so all agents choose the
same name, and the server tells only the first of them that the run is new (`inserted`).
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from metasweep.client.protocol import Client
from metasweep.client.sweep import Sweep
from metasweep.sweeps import Grid, is_grid
from metasweep.sweeps.states import FINISHED, KILLED, OPEN

ABANDONED = "abandoned"  # our state for a preempted run that the server does not offer again


def require_grid(config: Mapping[str, Any], name: str) -> None:
    """Check that a sweep is a grid. Raises: click.UsageError."""
    if not is_grid(config):
        raise click.UsageError(
            f"--missing and --extend are for a grid; {name} is a {config.get('method')} search"
        )


@dataclass(frozen=True)
class Tried:
    """The runs of one point so far."""

    states: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        """Return whether the point has no finished run and no running one."""
        return not any(state == FINISHED or state in OPEN for state in self.states)


class Missing:
    """Hands out the missing points of a sweep."""

    def __init__(
        self, client: Client, sweep: Sweep, attempts: int | None = None, elsewhere: Collection[int] = ()
    ) -> None:
        """Prepare to hand out missing points.

        With `attempts`, hand out only points that were lost, each at most that often, and none
        that was stopped.

        The points `elsewhere` were finished in another sweep.

        Raises: click.UsageError, if the sweep is not a grid.
        """
        require_grid(sweep.config, str(sweep.name))
        self._client, self._sweep = client, sweep
        self.attempts = attempts
        self._elsewhere = frozenset(elsewhere)
        self._grid = Grid(sweep.config)
        self._preempted: set[str] = set()
        self._found: list[
            tuple[int, int]
        ] = []  # missing points and their next attempt, from the last look at the runs
        self._lock = threading.Lock()
        self._found_nothing_at = -math.inf
        self.undecided = False
        """Whether the last look saw a preempted run that the server may still offer.

        Then look again later.
        """

    def claim(self) -> dict[str, Any] | None:
        """Return the command to run a missing point that no other agent gets; None when none is left.

        Call it when the server has nothing left to offer.
        """
        asked = time.monotonic()
        with self._lock:  # one look serves all workers of this agent
            if self._found_nothing_at > asked:
                return None
            looked = not self._found
            self._found = self._found or self.look()
            while self._found:
                if command := self._try(*self._found.pop()):
                    return command
                if not self._found and not looked:  # other agents took all points of an earlier look
                    looked, self._found = True, self.look()
            self._found_nothing_at = time.monotonic()
        return None

    def look(self) -> list[tuple[int, int]]:
        """List all runs of the sweep. Return the missing points, each with its next attempt.

        The order is random, so that agents that start together rarely want the same point.
        """
        tried = self.tried()
        wanted = (index for index in range(self._grid.size) if index not in self._elsewhere)
        missing = [index for index in wanted if tried[index].is_missing and self._may(tried[index])]
        random.shuffle(missing)
        return [(index, len(tried[index].states) + 1) for index in missing]

    @property
    def replaces_server(self) -> bool:
        """Return whether points are not claimed from the server.

        It does not know which points are finished elsewhere.
        """
        return bool(self._elsewhere)

    def _may(self, tried: Tried) -> bool:
        """Return whether a missing point may be handed out."""
        if self.attempts is None:
            return True
        return 0 < len(tried.states) < self.attempts and KILLED not in tried.states

    def _try(self, index: int, attempt: int) -> dict[str, Any] | None:
        """Create the run of a point. Return the command to run it, or None if another agent was first."""
        args = {key: {"value": value} for key, value in self._grid.point(index).items()}
        while True:
            name = self.run_name(index, attempt)
            title = f"point-{index + 1}-attempt-{attempt}"
            made = self._client.make_run(self._sweep.name, name, args, title)
            if made == "deleted":  # the server never accepts the name of a deleted run again
                attempt += 1
                continue
            program = self._sweep.config.get("program")
            command = {"type": "run", "run_id": name, "run_name": title, "args": args, "program": program}
            return command if made == "ours" else None

    def tried(self) -> dict[int, Tried]:
        """Return the runs of each point."""
        states: dict[int, list[str]] = defaultdict(list)
        before, self._preempted = self._preempted, set()
        for name, state, config in self._client.runs(self._sweep.name):
            index = self._grid.index(config)
            if state == "preempted":
                self._preempted.add(name)
                state = ABANDONED if name in before else state
            if index is not None:
                states[index].append(state)
        self.undecided = bool(self._preempted - before)
        found = {index: Tried(tuple(each)) for index, each in states.items()}
        return defaultdict(Tried, found)

    def are_missing(self, points: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Return for each point of the grid whether it has no finished run and no running one."""
        tried = self.tried()
        indices = [self._grid.index(point) for point in points]
        return [index is None or tried[index].is_missing for index in indices]

    def run_name(self, index: int, attempt: int) -> str:
        """Return the name of this attempt at this point. It is the same for every agent."""
        identity = json.dumps([str(self._sweep.name), index, attempt])
        return hashlib.sha256(identity.encode()).hexdigest()[:8]
