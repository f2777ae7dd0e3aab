"""Processes, by the mark that they inherited, by session, by parent. Linux."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MARK = "METASWEEP_TEST_MARK"


def stat(pid: int) -> list[str]:
    """State, parent, group, session of a process; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:4]
    except OSError:
        return []


def everyone() -> dict[int, list[str]]:
    """All living processes with their `stat`."""
    found = {int(path.name): stat(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    return {pid: fields for pid, fields in found.items() if fields and fields[0] != "Z"}


def children(parent: int) -> list[int]:
    """The living children of a process."""
    return sorted(pid for pid, fields in everyone().items() if int(fields[1]) == parent)


def session(leader: int) -> list[int]:
    """The living processes of a session."""
    return sorted(pid for pid, fields in everyone().items() if int(fields[3]) == leader)


@contextmanager
def ending(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the block, as its session does if it leads one; also when a test fails."""
    with process:
        try:
            yield process
        finally:
            for pid in session(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.kill()


def marked(mark: str) -> list[int]:
    """Every living process that has inherited the mark in its environment."""
    found = []
    for pid in everyone():
        try:
            environ = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            continue
        if f"{MARK}={mark}\0".encode() in environ:
            found.append(pid)
    return found


def left_over(mark: str, among: set[int] | None = None) -> dict[int, str]:
    """The marked processes (`among` those given) that do not end within some seconds, with their commands."""
    deadline = time.monotonic() + 240
    while True:
        pids = set(marked(mark)) & among if among else set(marked(mark))
        if not pids or time.monotonic() > deadline:
            return {pid: command(pid) for pid in pids}
        time.sleep(0.05)


def command(pid: int) -> str:
    """The command line of a process that may have ended just now."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""
