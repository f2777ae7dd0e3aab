"""The log of a run, and the reason for a failure in it."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from metasweep.forks.processes.process import describe_status

TAIL_BYTES = 16_384
LONGEST = 200
TRACEBACK = "Traceback (most recent call last):"
# the first line of faulthandler's report; many lines about threads and modules follow it
FATAL = "Fatal Python error:"
AT_THE_END = ("Exception ignored in", "Error in atexit._run_exitfuncs", "--- Logging error ---")
"""How an interpreter begins its messages about trouble at its end, which come after the real failure."""
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def failure_reason(log: str, status: int) -> str:
    """Return in one line why a run failed: the last line that it printed, or the signal that killed it."""
    if status == 0:
        return ""
    how = describe_status(status)
    said = ""
    if status > 0:
        said = failure(own_lines(Path(log)))
    elif status == -signal.SIGABRT:  # the program ended itself and printed why
        said = before_abort(own_lines(Path(log)))
    elif status == -signal.SIGSEGV:  # C libraries often crash while a program without memory ends
        said = uncaught(own_lines(Path(log)))
    return f"{how}: {said[:LONGEST]}" if said else how


def own_lines(log: Path) -> list[str]:
    """Return the last lines of a log that come from the program itself, with their indentation."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    lines = [ESCAPE.sub("", line).rstrip() for line in re.split(r"[\r\n]+", text)]
    return [line for line in lines if line and not line.startswith("wandb:")]


def failure(lines: list[str]) -> str:
    """Return the last line.

    If it is not the end of a traceback before it, prepend that traceback's exception.
    """
    last = lines[-1].strip() if lines else ""
    if TRACEBACK not in lines:
        return last
    lines = before_the_end(lines)
    last = lines[-1].strip()
    begin = len(lines) - lines[::-1].index(TRACEBACK)
    exception = next((line for line in lines[begin:] if not line.startswith(" ")), last)
    return last if exception == last else f"{exception[: LONGEST // 2]} … {last}"


def before_the_end(lines: list[str]) -> list[str]:
    """Return the lines before the interpreter's messages about trouble at its end.

    These messages are cut off only if they follow a traceback.
    """
    first = lines.index(TRACEBACK)
    return lines[
        : next((i for i, line in enumerate(lines) if i > first and line.startswith(AT_THE_END)), None)
    ]


def before_abort(lines: list[str]) -> str:
    """Return the line before faulthandler's report, such as `what():  std::bad_alloc`."""
    own = before_fatal(lines)
    return own[-1].strip() if own else ""


def uncaught(lines: list[str]) -> str:
    """Return the exception that ended the program before it crashed; empty if there was none."""
    own = before_fatal(lines)
    if TRACEBACK not in own:
        return ""
    own = before_the_end(own)
    after = own[len(own) - own[::-1].index(TRACEBACK) :]
    said = [line for line in after if not line.startswith(" ")]
    return said[0] if len(said) == 1 else ""


def before_fatal(lines: list[str]) -> list[str]:
    """Return the lines before faulthandler's report; all lines if there is no report."""
    ends = [index for index, line in enumerate(lines) if line.startswith(FATAL)]
    return lines[: ends[-1]] if ends else lines
