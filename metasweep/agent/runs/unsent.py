"""Records of runs that the server may not have: which they are, and how they are sent.

The agent notes every run whose program has ended by itself: its client ends only when the server has
acknowledged everything. What is not noted counts as not sent, so that a killed agent loses nothing.
The script of a job reads the same notes in its last seconds, and copies such records out of scratch.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from metasweep.client import sync

NOTES = "sent-runs"
COMMAND = "sync-command"
"""In the same folder: what to write before the folders of runs to send them."""
KEPT = "METASWEEP_KEEPS_RECORDS"
"""Set in a job, whose script copies such records out of scratch and says how they are sent."""


def note_sent(folder: Path, run_id: str) -> None:
    """Note in wandb's folder that the server has all of a run."""
    with (folder / NOTES).open("a", encoding="utf-8") as file:
        print(run_id, file=file)


def note_command(folder: Path, environ: Mapping[str, str]) -> None:
    """Note how runs are sent from here: with the installed client, to this environment's server."""
    (folder / COMMAND).write_text(sync.command((), environ), "utf-8")


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
