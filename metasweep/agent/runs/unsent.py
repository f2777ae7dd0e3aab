"""Which runs have records that the server may not have, and how to send them.

A wandb client ends only after the server has acknowledged everything, so the agent notes the folder of every
run whose program ended by itself as sent. A folder without a note counts as not sent. So a killed agent loses
nothing. A run that is stopped and taken up again has a folder for each time. In its last seconds the script
of a job reads these notes, and copies the records that were not sent out of scratch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from glob import escape
from pathlib import Path

from metasweep.client import sync

NOTES = "sent-runs"
COMMAND = "sync-command"
"""A file in the same folder. It holds the command that sends runs; their folders go after it."""
KEPT = "METASWEEP_KEEPS_RECORDS"
"""Set in a job whose script copies unsent records out of scratch and prints how to send them."""


def folders_of(folder: Path, run_id: str) -> frozenset[str]:
    """Return the names of a run's folders, `run-20261126_220000-ID`, in wandb's `folder`."""
    found = (one.name for one in folder.glob(f"run-*-{escape(run_id)}"))
    return frozenset(name for name in found if name.split("-", 2)[-1] == run_id)


def note_sent(folder: Path, names: Iterable[str]) -> None:
    """Note in wandb's folder that the server has all records in these folders of runs."""
    with (folder / NOTES).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}\n" for name in names)


def note_command(folder: Path, environ: Mapping[str, str]) -> None:
    """Note the command that sends runs from here: with the installed client, to this environment's server."""
    (folder / COMMAND).write_text(sync.command((), environ), "utf-8")


def unsent(folder: Path) -> list[Path]:
    """Return the run folders in wandb's `folder` that the server may not have."""
    try:
        sent = set((folder / NOTES).read_text("utf-8").split())
    except FileNotFoundError:
        sent = set()
    return [one for one in sorted(folder.iterdir()) if one.name not in sent and has_records(one)]


def has_records(folder: Path) -> bool:
    """Return whether this is the folder of a run that has written records."""
    return folder.name.startswith(("run-", "offline-run-")) and any(
        path.suffix == ".wandb" and path.stat().st_size for path in folder.iterdir()
    )
