"""Records of runs that the server may not have: which they are, where a job keeps them, how they are sent.

The agent notes every run whose program has ended by itself: its client ends only when the server has
acknowledged everything. What is not noted counts as not sent, so that a killed agent loses nothing.
`python -m metasweep.agent.unsent FOLDER LOGS INDEX`, at the end of a job, copies such records out of scratch.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from metasweep.client import sync

NOTES = "sent-runs"
KEPT = "METASWEEP_KEEPS_RECORDS"
"""Set in a job, whose script copies such records out of scratch and says how they are sent."""


def note_sent(folder: Path, run_id: str) -> None:
    """Note in wandb's folder that the server has all of a run."""
    with (folder / NOTES).open("a", encoding="utf-8") as file:
        print(run_id, file=file)


def unsent(folder: Path) -> list[Path]:
    """Return the folders in wandb's `folder` of runs that the server may not have."""
    try:
        sent = set((folder / NOTES).read_text("utf-8").split())
    except FileNotFoundError:
        sent = set()
    return [one for one in sorted(folder.iterdir()) if has_records(one) and not is_sent(one.name, sent)]


def has_records(folder: Path) -> bool:
    """Whether this is the folder of a run that has written something."""
    return folder.name.startswith(("run-", "offline-run-")) and any(
        path.suffix == ".wandb" and path.stat().st_size for path in folder.iterdir()
    )


def is_sent(name: str, sent: set[str]) -> bool:
    """Whether a run's folder, `run-20261126_220000-ID`, is noted as sent; an offline run never is."""
    return name.startswith("run-") and name.split("-", 2)[-1] in sent


def keep(scratch: Path, logs: Path, index: str, environ: Mapping[str, str]) -> str | None:
    """Copy what is not sent into a new folder in `logs`; return the advice, or None when all is sent.

    Raises: OSError.
    """
    folders = unsent(scratch / "wandb")
    if not folders:
        return None
    target = Path(tempfile.mkdtemp(prefix=f"unsent.{index}.", dir=logs))
    kept = [Path(shutil.copytree(one, target / "wandb" / one.name, symlinks=True)) for one in folders]
    number = "1 run" if len(kept) == 1 else f"{len(kept)} runs"
    lack = f"The server may lack records of {number}, kept in {target}. Send them:"
    return f"{lack}  {sync.command(kept, environ)}"


def main(scratch: str, logs: str, index: str) -> None:
    """Keep the records of a job that ends, and say how they are sent."""
    if said := keep(Path(scratch), Path(logs), index, os.environ):
        print(said, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
