"""The parent, the process group and the exit status of a process. Linux."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PARENT_DIED = signal.SIGUSR1  # neither a batch system nor a terminal sends this signal
PR_SET_PDEATHSIG = 1
HINTS = {signal.SIGKILL: "out of memory?", signal.SIGBUS: "shared memory or disk full?"}
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signum: signal.Signals, parent: int | None = None) -> None:
    """Have the kernel send `signum` to this process when its parent ends, in whatever way."""
    if _libc.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if parent is not None and os.getppid() != parent:
        sys.exit(f"process {parent} ended before its child had begun")


def signal_group(pid: int, signum: signal.Signals) -> None:
    """Signal every process of a group. The group may be gone already."""
    try:
        os.killpg(pid, signum)
    except ProcessLookupError:
        return


def describe_status(status: int) -> str:
    """Return how a process ended, in words: `exit code 3`, `killed by SIGSEGV`."""
    if status >= 0:
        return f"exit code {status}"
    try:
        signum = signal.Signals(-status)
    except ValueError:
        return f"killed by signal {-status}"
    return f"killed by {signum.name}" + (f" ({HINTS[signum]})" if signum in HINTS else "")
