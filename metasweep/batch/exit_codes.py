"""The exit codes of an agent, and their meaning in words for `jobs`."""

from __future__ import annotations

DONE, FAULT, USAGE, PREEMPTED, FAILING = 0, 1, 2, 3, 4
INTERRUPTED = 130

MEANINGS = {
    DONE: "done",
    FAULT: "failed",
    USAGE: "did not start: a wrong setting or option",
    PREEMPTED: "preempted, its runs go on elsewhere",
    FAILING: "runs failed, and their points are not finished",
}
EXPLAINED = (FAULT, USAGE, FAILING)
"""Codes for which the last line of the output says more."""
