"""Which runs have records that the server may not have, and how to send them.

A wandb client ends only after the server has acknowledged everything, so the agent notes every run whose
program ended by itself as sent. A run without a note counts as not sent. So a killed agent loses nothing. In
its last seconds the script of a job reads these notes, and copies the records that were not sent out of
scratch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from metasweep.client import sync

NOTES = "sent-runs"
COMMAND = "sync-command"
"""A file in the same folder. It holds the command that sends runs; their folders go after it."""
KEPT = "METASWEEP_KEEPS_RECORDS"
"""Set in a job whose script copies unsent records out of scratch and prints how to send them."""


def note_sent(folder: Path, run_id: str) -> None:
    """Note in wandb's folder that the server has all records of a run."""
    with (folder / NOTES).open("a", encoding="utf-8") as file:
        print(run_id, file=file)


def note_command(folder: Path, environ: Mapping[str, str]) -> None:
    """Note the command that sends runs from here: with the installed client, to this environment's server."""
    (folder / COMMAND).write_text(sync.command((), environ), "utf-8")


def unsent(folder: Path) -> list[Path]:
    """Return the run folders in wandb's `folder` that the server may not have."""
    try:
        sent = set((folder / NOTES).read_text("utf-8").split())
    except FileNotFoundError:
        sent = set()
    return [one for one in sorted(folder.iterdir()) if has_records(one) and not is_sent(one.name, sent)]


def has_records(folder: Path) -> bool:
    """Return whether this is the folder of a run that has written records."""
    return folder.name.startswith(("run-", "offline-run-")) and any(
        path.suffix == ".wandb" and path.stat().st_size for path in folder.iterdir()
    )


def is_sent(name: str, sent: set[str]) -> bool:
    """Return whether the folder of a run, `run-20261126_220000-ID`, is noted as sent.

    Offline runs never are.
    """
    return name.startswith("run-") and name.split("-", 2)[-1] in sent
