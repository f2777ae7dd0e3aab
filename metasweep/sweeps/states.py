"""The states of a run, and what each of them means for the run's point.

The names are W&B's. Every part of the tool asks here what counts as open, lost or ended.
"""

from __future__ import annotations

from typing import Literal

FINISHED = "finished"
PREEMPTED = "preempted"
ACTIVE = ("pending", "running", "preempting")
"""An agent has the run: no other agent may take its point."""
OPEN = (*ACTIVE, PREEMPTED)
"""Not ended. A preempted run has been released, and is offered again under the same name."""
ALIVE = ("running", "preempting")
"""It has a process that sends heartbeats. Without heartbeats it becomes crashed."""
KILLED = "killed"
"""It was told to stop, by a person or an early stop."""
LOST = ("failed", "crashed", KILLED)
"""It ended without a result: its point can be offered again."""
ENDED = (FINISHED, *LOST)

Outcome = Literal["finished", "running", "preempted", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("finished", "running", "preempted", "failed")
"""What a person is told about a point, the best first. A point counts once, by the best of its runs."""


def outcome(state: str) -> Outcome:
    """Return what a run's state means to a person. An unknown state counts as failed."""
    if state == FINISHED:
        return "finished"
    if state == PREEMPTED:
        return "preempted"
    return "running" if state in ACTIVE else "failed"
