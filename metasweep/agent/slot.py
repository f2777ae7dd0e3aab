"""One worker: claims a run, has it run, and claims the next the moment it ends."""

from __future__ import annotations

import math
import queue
import random
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from metasweep.agent.log import last_words
from metasweep.agent.runfiles import prepare
from metasweep.client.protocol import Refused, Unreachable

if TYPE_CHECKING:
    from metasweep.agent.fleet import Fleet

HEARTBEAT_SECONDS = 10.0
IDLE_SECONDS = 2.0
PREEMPTED = (-signal.SIGTERM, 128 + signal.SIGTERM)
FAILURE_SECONDS = 10.0  # until the server has heard of a failed run, whose point it may offer again
KILL_SECONDS = 30.0  # from a stop command to SIGKILL


@dataclass(frozen=True)
class Run:
    """A run that was handed out."""

    id: str
    point: dict[str, Any]
    began: float


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    run: Run
    seconds: float
    status: int
    """Exit code, or minus the signal that killed it."""
    stopped: bool
    """Whether the server or the agent had told it to stop."""
    reason: str
    """Why it failed, in one line."""


class Slot(threading.Thread):
    """A worker, registered with the server as one agent: the server gives an agent one run at a time."""

    def __init__(self, number: int, fleet: Fleet) -> None:
        super().__init__(name=f"worker {number}", daemon=True)
        self.number = number
        self.run_now: Run | None = None
        self.note = "starting"
        self._fleet = fleet
        self._stopped = False
        self._failed_at = -math.inf

    def run(self) -> None:
        """Claim and run until the fleet or the server says that it is enough."""
        try:
            self._work()
        except Refused as error:
            self._fleet.refuse(error)
        except Unreachable:
            pass  # only raised once the fleet is stopping
        except Exception as error:  # noqa: BLE001
            self._fleet.give_up(1, f"worker {self.number}: {type(error).__name__}: {error}")
        self.note = "done"

    def _work(self) -> None:
        client, sweep = self._fleet.client, self._fleet.sweep.name
        agent = client.register_agent(sweep, socket.gethostname())
        while self._fleet.begin_claim():
            self.note = "asking for a run"
            try:
                commands = client.claim(agent, self._fleet.walltime.fits)
            except Unreachable:
                self._fleet.cancel_claim()
                continue
            run = next((c for c in commands if c["type"] in ("run", "resume")), None)
            nothing_left = any(c["type"] == "exit" for c in commands)
            if nothing_left and self._fleet.missing:
                run = self._fleet.missing.claim()
            if run is None or self._fleet.stop.is_set() or self._fleet.told:
                self._fleet.cancel_claim()
                if nothing_left and not self._may_get_more():
                    return
                self.note = "waiting: no run to claim now"
                self._fleet.stop.wait(random.uniform(0.5, 1) * IDLE_SECONDS)
            elif not self._perform(agent, run):
                return

    def _may_get_more(self) -> bool:
        """Whether to ask once more although the server says that nothing is left."""
        undecided = bool(self._fleet.missing and self._fleet.missing.undecided)
        return undecided or time.monotonic() - self._failed_at < FAILURE_SECONDS

    def _perform(self, agent: str, command: dict[str, Any]) -> bool:
        """Run what was handed out; return whether to go on."""
        point = {name: entry["value"] for name, entry in command.get("args", {}).items()}
        self.run_now = run = Run(command["run_id"], point, time.monotonic())
        self._stopped, self.note = False, ""
        start = prepare(self._fleet.sweep, command, point, self._fleet.extra_arguments)
        trainers = self._fleet.trainers
        if trainers:
            start.environ.update(trainers.environ(self.number))
        self._fleet.note_start(run)
        end = self._fleet.pool.start(start)
        if trainers:
            trainers.begin()
        status, go_on = self._await(agent, run, end)
        self.run_now = None
        told = bool(self._fleet.told) or status in PREEMPTED  # the batch system tells everyone
        stopped = status != 0 and (self._stopped or told)
        self._failed_at = time.monotonic() if status and not stopped else -math.inf
        seconds = time.monotonic() - run.began
        self._fleet.note_end(Outcome(run, seconds, status, stopped, last_words(start.log, status)))
        return go_on

    def _await(self, agent: str, run: Run, end: queue.SimpleQueue[int]) -> tuple[int, bool]:
        """Wait for the end of a run, telling the server of it; return its status and whether to go on."""
        go_on, kill_at = True, float("inf")
        while True:
            try:
                return end.get(timeout=HEARTBEAT_SECONDS), go_on
            except queue.Empty:
                commands = self._beat(agent, run)
            leave = any(c["type"] == "exit" for c in commands)
            told_to_stop = leave or any(c["type"] == "stop" and c.get("run_id") == run.id for c in commands)
            go_on = go_on and not leave
            if told_to_stop and not self._stopped:
                self._stopped, kill_at = True, time.monotonic() + KILL_SECONDS
                self._fleet.pool.signal(run.id, signal.SIGTERM)
            elif time.monotonic() > kill_at:
                self._fleet.pool.signal(run.id, signal.SIGKILL)

    def _beat(self, agent: str, run: Run) -> list[dict[str, Any]]:
        """Tell the server of the running run; a server that is away does not disturb it."""
        try:
            commands = self._fleet.client.heartbeat(agent, run.id)
        except Unreachable as error:
            self.note = f"the server is away: {error}"
            return []
        except Refused:
            return []  # the sweep was deleted: the next claim will say so
        self.note = ""
        return commands
