"""What the exit status of an agent says: the agent ends with these, `jobs` puts them into words."""

from __future__ import annotations

DONE, FAULT, USAGE, PREEMPTED, FAILING = 0, 1, 2, 3, 4
INTERRUPTED = 130

MEANINGS = {
    DONE: "done",
    FAULT: "failed",
    USAGE: "did not start: a wrong setting or option",
    PREEMPTED: "preempted, its runs go on elsewhere",
    FAILING: "runs failed, and points are left of it",
}
EXPLAINED = (FAULT, USAGE, FAILING)
"""Those for which the last line of the output says more."""
