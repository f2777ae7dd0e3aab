"""What an agent writes for `jobs` beside its log: the state of its runs, and why it ended.

A small JSON file that is replaced as a whole. The script of a job names it in METASWEEP_TALLY. If two copies
of a job run, the last one to write is seen.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from metasweep.batch.files import replace_text
from metasweep.batch.need import Need

VARIABLE = "METASWEEP_TALLY"


@dataclass(frozen=True)
class Tally:
    """The runs of one agent."""

    running: int = 0
    finished: int = 0
    failed: int = 0
    stopped: int = 0
    killed: int = 0
    """Failed runs that were killed by SIGKILL, as the kernel does when memory is lacking."""
    minutes: float = 0.0
    """Minutes since the agent began."""
    need: Need | None = None
    """What its first run needed."""
    reason: str = ""
    """Why it ended, in one line; empty if nothing is wrong."""

    def __str__(self) -> str:
        parts = [f"{self.running} running", f"{self.finished} finished", f"{self.failed} failed"]
        parts += [f"{self.stopped} stopped"] if self.stopped else []
        parts += [f"{self.finished / self.minutes:.3g} runs/min"] if self.finished and self.minutes else []
        return ", ".join(parts)


def name_file(folder: Path, index: int) -> Path:
    """Return the file of the agent in the job with that index. The script of a job uses the same name."""
    return folder / f"agent.{index}.json"


def write(environ: Mapping[str, str], tally: Tally) -> None:
    """Replace the file that the job has named. Without a name do nothing."""
    if not (name := environ.get(VARIABLE)):
        return
    with contextlib.suppress(OSError):  # runs must not end because of this file
        replace_text(Path(name), json.dumps(asdict(tally)))


def read(path: Path) -> Tally | None:
    """Return the tally in a file; None if no agent has written one."""
    try:
        content = json.loads(path.read_text("utf-8"))
        need = content.pop("need")
        return Tally(**content, need=Need(**need) if need else None)
    except (OSError, ValueError, TypeError, KeyError):
        return None


@contextlib.contextmanager
def explained(environ: Mapping[str, str]) -> Iterator[None]:
    """Write the reason if an agent ends with an exception."""
    try:
        yield
    except Exception as error:
        before = read(Path(environ.get(VARIABLE, ""))) or Tally()
        said = str(error).strip().splitlines() or [type(error).__name__]
        write(environ, replace(before, running=0, reason=said[0]))
        raise
