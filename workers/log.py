"""The log of a run, and what it says about a failure."""

from __future__ import annotations

import re
from pathlib import Path

from workers.process import describe_status

TAIL_BYTES = 16_384
LONGEST = 200
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def last_words(log: str, status: int) -> str:
    """Return in one line why a run failed: the last that it said, or the signal that killed it."""
    if status == 0:
        return ""
    how = describe_status(status)
    said = last_line(Path(log)) if status > 0 else ""
    return f"{how}: {said}" if said else how


def last_line(log: Path) -> str:
    """Return the last line of a log that the program itself wrote."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [ESCAPE.sub("", line).strip() for line in re.split(r"[\r\n]+", text)]
    own = [line for line in lines if line and not line.startswith("wandb:")]
    return own[-1][:LONGEST] if own else ""
