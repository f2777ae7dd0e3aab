"""Measures the memory of a run: of all its processes."""

from __future__ import annotations

import os
from pathlib import Path


def memory_of(group: int | None) -> float:
    """Return the memory of all processes of a group, in MiB. Pages that they share count once for each."""
    total = 0.0
    for entry in Path("/proc").iterdir() if group else ():
        if not entry.name.isdigit():
            continue
        try:
            if os.getpgid(int(entry.name)) == group:
                pages = int((entry / "statm").read_text().split()[1])
                total += pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
        except (OSError, IndexError):
            continue  # the process has ended
    return total
