"""The log of a run, and what it says about a failure."""

from __future__ import annotations

import re
import signal
from pathlib import Path

from metasweep.forks.processes.process import describe_status

TAIL_BYTES = 16_384
LONGEST = 200
TRACEBACK = "Traceback (most recent call last):"
FATAL = "Fatal Python error:"  # of faulthandler, which many lines on threads and modules follow
AT_THE_END = ("Exception ignored in", "Error in atexit._run_exitfuncs", "--- Logging error ---")
"""What an interpreter says of trouble while it ends, after what ended the program."""
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def last_words(log: str, status: int) -> str:
    """Return in one line why a run failed: the last that it said, or the signal that killed it."""
    if status == 0:
        return ""
    how = describe_status(status)
    said = ""
    if status > 0:
        said = failure(own_lines(Path(log)))
    elif status == -signal.SIGABRT:  # it ended itself, and said why
        said = before_abort(own_lines(Path(log)))
    elif status == -signal.SIGSEGV:  # libraries in C crash at the end of a program that has no memory left
        said = uncaught(own_lines(Path(log)))
    return f"{how}: {said[:LONGEST]}" if said else how


def own_lines(log: Path) -> list[str]:
    """Return the last lines of a log that the program itself wrote, with their indentation."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    lines = [ESCAPE.sub("", line).rstrip() for line in re.split(r"[\r\n]+", text)]
    return [line for line in lines if line and not line.startswith("wandb:")]


def failure(lines: list[str]) -> str:
    """Return the last line and, if more than that follows a traceback, its exception too."""
    last = lines[-1].strip() if lines else ""
    if TRACEBACK not in lines:
        return last
    lines = before_the_end(lines)
    last = lines[-1].strip()
    begin = len(lines) - lines[::-1].index(TRACEBACK)
    exception = next((line for line in lines[begin:] if not line.startswith(" ")), last)
    return last if exception == last else f"{exception[: LONGEST // 2]} … {last}"


def before_the_end(lines: list[str]) -> list[str]:
    """Return the lines until the interpreter got into trouble at its end, if that was after a traceback."""
    first = lines.index(TRACEBACK)
    return lines[
        : next((i for i, line in enumerate(lines) if i > first and line.startswith(AT_THE_END)), None)
    ]


def before_abort(lines: list[str]) -> str:
    """Return the line before faulthandler's report, such as `what():  std::bad_alloc`."""
    own = before_fatal(lines)
    return own[-1].strip() if own else ""


def uncaught(lines: list[str]) -> str:
    """Return the exception that had ended the program when it crashed; nothing if none had."""
    own = before_fatal(lines)
    if TRACEBACK not in own:
        return ""
    own = before_the_end(own)
    after = own[len(own) - own[::-1].index(TRACEBACK) :]
    said = [line for line in after if not line.startswith(" ")]
    return said[0] if len(said) == 1 else ""


def before_fatal(lines: list[str]) -> list[str]:
    """Return the lines before faulthandler's report, if there is one."""
    ends = [index for index, line in enumerate(lines) if line.startswith(FATAL)]
    return lines[: ends[-1]] if ends else lines
