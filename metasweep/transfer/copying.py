"""Copying a sweep.

Whatever the destination already has is skipped, so copying can be repeated and resumed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from metasweep.client.protocol import SweepName
from metasweep.client.transport import Refused
from metasweep.transfer.ends import Destination, Run, Source

THREADS = 4  # runs that are copied at a time: waiting for a distant server takes longer than the work
UPLOAD_BYTES = 32 << 20  # of files in memory at a time, per thread


@dataclass
class Copied:
    """What happened to the runs of a sweep."""

    copied: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    """Runs that an earlier copy had already brought."""
    running: list[str] = field(default_factory=list)
    """Runs that still run; they were copied so far as they are."""
    refused: dict[str, str] = field(default_factory=dict)
    """Run -> why the destination refused it."""

    @property
    def summary(self) -> str:
        """Return the counts in one line."""
        counts = {
            "copied": len(self.copied),
            "there already": len(self.there),
            "still running, copied so far": len(self.running),
            "refused": len(self.refused),
        }
        told = [f"{count} {what}" for what, count in counts.items() if count]
        return f"runs: {', '.join(told) or 'none'}"


def copy_sweep(
    source: Source, name: SweepName, destination: Destination, copy: SweepName, tell: Callable[[Run], None]
) -> Copied:
    """Copy the runs of the sweep `name` into the sweep `copy`; `tell` is called after each of them.

    Raises: Unreachable, Refused, from the source, or where the destination takes no run at all.
    """
    result = Copied()
    known = {run.name: run for run in destination.runs_of(copy)}
    # a run that has begun must go on at once, or else it would look crashed
    room = threading.Semaphore(THREADS)

    def finish(run: Run, rows: int) -> None:
        try:
            copy_content(source, name, destination, copy, run, rows)
            (result.copied if run.has_ended else result.running).append(run.name)
        except Refused as error:
            result.refused[run.name] = str(error)
        finally:
            room.release()
            tell(run)

    with ThreadPoolExecutor(THREADS) as pool:
        under_way = []
        for run in source.runs_of(name):
            if run.name in known and is_same(known[run.name], run):
                result.there.append(run.name)
                tell(run)
                continue
            room.acquire()
            try:  # one after the other, so that they are created in the same order
                rows = destination.begin(copy, run)
            except Refused as error:
                result.refused[run.name] = str(error)
                room.release()
                tell(run)
                continue
            under_way.append(pool.submit(finish, run, rows))
        for future in under_way:
            future.result()
    return result


def is_same(there: Run, run: Run) -> bool:
    """Return whether the destination has all of a run. A run's end is written last."""
    return there.has_ended and run.has_ended and there.rows == run.rows


def copy_content(
    source: Source, name: SweepName, destination: Destination, copy: SweepName, run: Run, here: int
) -> None:
    """Copy what a run has logged: its files, its history after the first `here` rows, and last its end.

    Raises: Refused, Unreachable.
    """
    copy_files(source, name, destination, copy, run)
    row = 0
    for page in source.history(name, run):
        if missing := page[max(0, here - row) :]:
            destination.append(copy, run.name, max(row, here), missing)
        row += len(page)
    destination.end(copy, run)


def copy_files(source: Source, name: SweepName, destination: Destination, copy: SweepName, run: Run) -> None:
    """Copy the files of a run that are missing at the destination or have another size there."""
    wanted = source.files_of(name, run.name)
    there = destination.files_of(copy, run.name) if wanted else {}
    held: dict[str, bytes] = {}
    for file in wanted.values():
        if file.name in there and there[file.name].size == file.size:
            continue
        held[file.name] = source.download(file)
        if sum(map(len, held.values())) > UPLOAD_BYTES:
            destination.upload(copy, run.name, held)
            held = {}
    if held:
        destination.upload(copy, run.name, held)
