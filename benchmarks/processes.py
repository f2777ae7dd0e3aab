"""Run a command and see how long it takes and how much memory it and its children hold. Linux."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

LOOK_SECONDS = 0.25


def run_measured(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a command to its end; return seconds and the most memory seen, in MB.

    Raises: RuntimeError with its last words, if it fails.
    """
    began, peak = time.perf_counter(), 0.0
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(proportional_mb, family(process.pid))))
            time.sleep(LOOK_SECONDS)
        seconds = time.perf_counter() - began
        if process.returncode:
            words = process.stderr.read() if process.stderr else ""
            raise RuntimeError(f"{' '.join(command[:4])} ended with {process.returncode}: {words[-500:]}")
    return seconds, peak


def family(pid: int) -> list[int]:
    """Return a process and all its descendants, without those that have ended meanwhile."""
    found, new = [pid], [pid]
    while new:
        new = [child for parent in new for child in _children(parent)]
        found += new
    return found


def proportional_mb(pid: int) -> float:
    """Return the memory of a process in MB, with shared pages divided among their users.

    0 if the process has ended.
    """
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    match = re.search(r"^Pss:\s*(\d+) kB", text, re.MULTILINE)
    return int(match[1]) / 1000 if match else 0.0


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
