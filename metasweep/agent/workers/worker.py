"""One worker: claims a run, has it run, and claims the next as soon as it ends."""

from __future__ import annotations

import contextlib
import math
import queue
import random
import signal
import socket
import threading
import time
from dataclasses import replace
from typing import Any, Literal

import click

from metasweep.agent.runs import unsent
from metasweep.agent.runs.log import failure_reason
from metasweep.agent.runs.runfiles import prepare, wandb_folder
from metasweep.agent.workers.seats import Seat
from metasweep.agent.workers.trainers import Trainers
from metasweep.agent.workers.work import Outcome, Run, Work
from metasweep.batch.exit_codes import FAULT
from metasweep.client.protocol import Registration
from metasweep.client.transport import Refused, Unreachable
from metasweep.forks import turns
from metasweep.forks.messages import Exited
from metasweep.forks.pool import Events
from metasweep.sweeps.states import FINISHED

# the client in a run also asks whether to stop
HEARTBEAT_SECONDS = {"embedded": 10.0, "other": 30.0}
IDLE_SECONDS = {"embedded": (2.0, 8.0), "other": (4.0, 60.0)}  # the first wait and the longest
EXIT = {"type": "exit"}
PREEMPTED = (-signal.SIGTERM, 128 + signal.SIGTERM)
FAILURE_SECONDS = 10.0  # until the server knows that a run failed, and may offer its point again
KILL_SECONDS = 30.0  # from the server's stop command to SIGKILL


class Worker(threading.Thread):
    """A worker. The server knows it as an agent of its own, since it gives an agent one run at a time."""

    def __init__(
        self, number: int, work: Work, trainers: Trainers | None = None, seat: Seat | None = None
    ) -> None:
        """With a `seat`, this worker takes turns with the other worker of that seat."""
        super().__init__(name=f"worker {number}", daemon=True)
        self.number = number
        self.run_now: Run | None = None
        self.note = "starting"
        self._shared = work
        self._trainers, self._seat = trainers, seat
        self._place: Literal["none", "next", "seated"] = "none"
        self._waits = False
        self._stopped = self._unwanted = False
        self._failed_at = -math.inf

    def run(self) -> None:
        """Claim and run until the agent or the server says to stop."""
        try:
            self._work()
        except Refused as error:
            self._shared.refuse(error)
        except Unreachable:
            pass  # only raised when the work has to end
        except click.ClickException as error:
            self._shared.finish_early(FAULT, error.message)
        except Exception as error:  # noqa: BLE001
            self._shared.finish_early(FAULT, f"worker {self.number}: {type(error).__name__}: {error}")
        self.note = "done"

    @property
    def is_training(self) -> bool:
        """Return whether its run is being trained.

        A run that waits for its turn, or only sends its results, is not.
        """
        return self.run_now is not None and not self._waits and (not self._seat or self._place != "none")

    def _work(self) -> None:
        client, sweep = self._shared.client, self._shared.sweep.name
        agent = client.register_agent(sweep, socket.gethostname())
        try:
            self._claim_and_run(agent)
        finally:
            with contextlib.suppress(Unreachable, Refused):
                client.sign_off(agent)

    def _claim_and_run(self, agent: Registration) -> None:
        client = self._shared.client
        while self._begin_claim():
            self.note = "asking for a run"
            missing = self._shared.missing
            try:
                nothing = missing is not None and missing.replaces_server
                commands = [EXIT] if nothing else client.claim(agent, self._shared.walltime.fits)
            except Unreachable:
                self._cancel_claim()
                continue
            if commands:
                self._shared.idling.note_news()
            run = next((c for c in commands if c["type"] in ("run", "resume")), None)
            nothing_left = any(c["type"] == "exit" for c in commands)
            if nothing_left and missing:
                run = missing.claim()
            if run is None or self._is_over():
                self._cancel_claim()
                if run:
                    self._release(run["run_id"])
                if nothing_left and not self._may_get_more():
                    return
                self.note = "waiting: no run to claim now"
                self._idle(nothing_left)
            elif not self._perform(agent, run):
                return

    def _begin_claim(self) -> bool:
        """Reserve a run of the count, and a seat. Return False if no run may be claimed."""
        self.note = "waiting for its turn"
        if self._seat:
            if not self._seat.reserve(self._shared.ahead.after, self._is_over):
                return False
            self._place = "next"
        if self._shared.begin_claim():
            return True
        self._leave_seat()
        return False

    def _cancel_claim(self) -> None:
        """Release a reserved run and its seat."""
        self._shared.cancel_claim()
        self._leave_seat()

    def _is_over(self) -> bool:
        """Return whether no more runs may begin."""
        return self._shared.stop.is_set() or bool(self._shared.signals)

    @property
    def _kind_of_server(self) -> str:
        return "embedded" if self._shared.client.is_embedded else "other"

    def _idle(self, nothing_left: bool) -> None:
        """Wait before the next claim: shortly if nothing is left at this moment, else until there is news."""
        first, longest = IDLE_SECONDS[self._kind_of_server]
        if nothing_left:
            self._shared.stop.wait(random.uniform(0.5, 1) * first)
        else:
            self._shared.idling.pause(first, longest, self._is_over)

    def _may_get_more(self) -> bool:
        """Return whether to ask again although the server says that nothing is left."""
        missing = self._shared.missing
        if missing and missing.undecided:
            return True
        is_offered_again = self._shared.client.is_embedded or missing is not None
        return is_offered_again and time.monotonic() - self._failed_at < FAILURE_SECONDS

    def _perform(self, agent: Registration, command: dict[str, Any]) -> bool:
        """Run what the server offered. Return whether to claim another run."""
        point = {name: entry["value"] for name, entry in command.get("args", {}).items()}
        run_id = command["run_id"]
        again = command["type"] == "resume"
        earlier = unsent.folders_of(wandb_folder(), run_id) if again else frozenset()
        self.run_now = run = Run(run_id, point, time.monotonic(), command.get("run_name", ""), earlier)
        self._stopped, self._unwanted, self.note = False, False, ""
        try:
            start = prepare(self._shared.sweep, command, point, self._shared.options.program_arguments)
        except click.ClickException:
            agent.ended.add(run.id)  # so it is released when this agent signs off
            raise
        start.environ.update(self._shared.gpus_of(self.number))
        if self._trainers:
            start.environ.update(self._trainers.environ(self.number))
        start = replace(start, held=self._seat is not None)
        self._shared.note_start(run)
        events = self._shared.pool.start(start)
        if self._trainers:
            self._trainers.begin()
        exited, go_on = self._await(agent, run, events)
        self._leave_seat()
        agent.ended.add(run.id)
        self._note_end(self.run_now, exited, start.log)
        self.run_now = None
        return go_on

    def _note_end(self, run: Run, exited: Exited, log: str) -> None:
        """Find out how a run ended; release it if it was stopped, and count it."""
        status, unfinished = exited.status, self._why_unfinished(run, exited)
        told = bool(self._shared.signals) or status in PREEMPTED  # the batch system signals the runs too
        stopped = status != 0 and (self._stopped or told)
        if stopped and not self._unwanted and not exited.unreported:
            self._release(run.id)
        failed = (status != 0 or bool(unfinished)) and not stopped
        self._failed_at = time.monotonic() if failed else -math.inf
        seconds = time.monotonic() - run.began
        if exited.unreported:
            self._shared.unreported.append(run.id)
        elif not unfinished:
            self._shared.note_sent(run, ended_itself=status >= 0)
        trainer_ended = bool(self._trainers and self._trainers.ended_since(run.began, self.number))
        reason = exited.note or unfinished or failure_reason(log, status)
        self._shared.note_end(Outcome(run, seconds, status, stopped, failed, reason, trainer_ended))

    def _why_unfinished(self, run: Run, exited: Exited) -> str:
        """Return why a run with exit code 0 does not count as finished; empty if it does, as far as known."""
        if exited.status or exited.finished or self._stopped:
            return ""
        if exited.finished is False:
            return "it ended without finishing its wandb run"
        try:
            state = self._shared.client.run_state(self._shared.sweep.name, run.id)
        except (Unreachable, Refused):
            return ""
        if state == FINISHED:
            return ""
        return (
            f"it ended well, but the server has it {state or 'not'}: is wandb offline, disabled, or not used?"
        )

    def _await(self, agent: Registration, run: Run, events: Events) -> tuple[Exited, bool]:
        """Wait for the end of a run and send heartbeats. Return its end, and whether to claim another run."""
        go_on, kill_at = True, float("inf")
        while True:
            try:
                event = events.get(timeout=HEARTBEAT_SECONDS[self._kind_of_server])
            except queue.Empty:
                commands = self._beat(agent, run)
            else:
                if isinstance(event, Exited):
                    return event, go_on
                self._note_reached(run, event.what)
                continue
            leave = any(c["type"] == "exit" for c in commands)
            told_to_stop = leave or any(c["type"] == "stop" and c.get("run_id") == run.id for c in commands)
            go_on = go_on and not leave
            if told_to_stop and not self._stopped:
                self._stopped = self._unwanted = True
                kill_at = time.monotonic() + KILL_SECONDS
                self._shared.pool.signal(run.id, signal.SIGTERM)
            elif time.monotonic() > kill_at:
                self._shared.pool.signal(run.id, signal.SIGKILL)

    def _release(self, run_id: str) -> None:
        """Ask the server to offer a stopped run again, even if it does not know of the run's beginning."""
        try:
            given = self._shared.client.release(self._shared.sweep.name, run_id)
        except (Refused, Unreachable):
            given = False
        if not given:
            self._shared.kept.append(run_id)

    def _note_reached(self, run: Run, what: int) -> None:
        """Let a waiting run continue when its turn comes. Release the seat when the training is over."""
        if what == turns.OVER:
            self._leave_seat()
            return
        self.note, self._waits = "ready, waiting for its turn", True
        taken = bool(self._seat and self._seat.take(self._is_over))
        self._waits = False
        if taken:
            self._place, self.note = "seated", ""
            self.run_now = replace(run, began=time.monotonic())
            self._shared.pool.go(run.id)
        else:  # it was not trained: the server offers it to another agent
            self._stopped = True
            self._shared.pool.signal(run.id, signal.SIGTERM, for_good=False)

    def _leave_seat(self) -> None:
        """Release the seat, if this worker has it or has reserved it."""
        if not self._seat:
            return
        if self._place == "seated" and self.run_now:
            self._shared.ahead.note_training(time.monotonic() - self.run_now.began)
            self._seat.leave()
        elif self._place == "next":
            self._seat.cancel()
        self._place = "none"

    def _beat(self, agent: Registration, run: Run) -> list[dict[str, Any]]:
        """Send a heartbeat of the run. A server that does not answer does not disturb the run."""
        try:
            commands = self._shared.client.heartbeat(agent, run.id)
        except Unreachable as error:
            self.note = f"the server does not answer: {error}"
            return []
        except Refused:
            return []  # the sweep was deleted; the next claim will say so
        self.note = ""
        return commands
