"""`--missing`: the points of a grid that have no finished run, on any server, shared without overlap.

Many servers never offer a failed point again. So the agents pick points themselves, and settle who runs one
by making its run: the name follows from the point and the attempt, so that all of them choose the same one,
and the server tells only the first that the run is new (`inserted`).
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections import defaultdict
from collections.abc import Collection
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

    def __init__(
        self, client: Client, sweep: Sweep, attempts: int | None = None, elsewhere: Collection[int] = ()
    ) -> None:
        """With `attempts`, hand out only points that have failed, and less often than that.

        The points `elsewhere` were finished in another sweep.

        Raises: click.UsageError, for a sweep whose points are not known beforehand.
        """
        if sweep.config.get("method") != "grid":
            raise click.UsageError(
                f"--missing and --extend are for a grid; {sweep.name} is a {sweep.config['method']} search"
            )
        self._client, self._sweep = client, sweep
        self.attempts = attempts
        self._elsewhere = frozenset(elsewhere)
        self._grid = Grid(sweep.config)
        self._preempted: set[str] = set()
        self._found: list[
            tuple[int, int]
        ] = []  # points that were missing at the last look, and the next attempt
        self._lock = threading.Lock()
        self.undecided = False
        """Whether the last look saw a preempted run that the server may still hand out: look again."""

    def claim(self) -> dict[str, Any] | None:
        """Return the command to run a missing point, which no other agent gets; None when none is left.

        To be called when the server has nothing left to hand out.
        """
        with self._lock:  # the workers of an agent look once for all of them
            looked = not self._found
            self._found = self._found or self.look()
            while self._found:
                if command := self._try(*self._found.pop()):
                    return command
                if not self._found and not looked:  # others had what was left of an earlier look
                    looked, self._found = True, self.look()
        return None

    def look(self) -> list[tuple[int, int]]:
        """List all runs of the sweep; return the missing points in random order, each with its next attempt.

        In random order, since agents that start together then rarely meet at a point.
        """
        tried = self.tried()
        wanted = (index for index in range(self._grid.size) if index not in self._elsewhere)
        missing = [index for index in wanted if tried[index].is_missing and self._may(tried[index])]
        random.shuffle(missing)
        return [(index, len(tried[index].states) + 1) for index in missing]

    @property
    def replaces_server(self) -> bool:
        """Whether no point is asked of the server, which does not know what was finished elsewhere."""
        return bool(self._elsewhere)

    def _may(self, tried: Tried) -> bool:
        """Whether a missing point is one of those to hand out."""
        return self.attempts is None or 0 < len(tried.states) < self.attempts

    def _try(self, index: int, attempt: int) -> dict[str, Any] | None:
        """Make the run of a point; return the command to run it, or None if another agent has made it."""
        args = {key: {"value": value} for key, value in self._grid.point(index).items()}
        while True:
            name = self.run_name(index, attempt)
            made = self._client.make_run(self._sweep.name, name, args, f"point-{index + 1}-attempt-{attempt}")
            if made == "deleted":  # the name of a run that was deleted is refused for ever
                attempt += 1
                continue
            program = self._sweep.config.get("program")
            return (
                {"type": "run", "run_id": name, "args": args, "program": program} if made == "ours" else None
            )

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
