"""The one form in which people write a walltime, and the forms in which batch systems do."""

from __future__ import annotations

import re


def parse(text: str) -> int:
    """Return the seconds of 'H:MM:SS' or 'D-HH:MM:SS'.

    '4:00' is refused: PBS and Slurm read it as four minutes, people as four hours.

    Raises: ValueError, for any other form and for a time of zero.
    """
    match = re.fullmatch(r"(?:\d{1,3}-)?\d{1,4}:[0-5]\d:[0-5]\d", text.strip())
    total = seconds_in(text) if match else None
    if not total:
        raise ValueError(f"{text!r} is not a time: write hours:minutes:seconds, such as 4:00:00")
    return total


def seconds_in(text: str) -> int | None:
    """Return the seconds of a batch system's [[D-]H:]MM:SS; None for anything else, such as UNLIMITED."""
    match = re.fullmatch(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d\d)", text.strip())
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def clock(seconds: float) -> str:
    """Return seconds as H:MM:SS."""
    minutes, second = divmod(max(0, int(seconds)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
