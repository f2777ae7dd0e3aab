"""How to send the records that a run could not send: `wandb sync`, in the form of the installed client."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from metasweep.batch.job import job_id

ASKS_FOR_ONLINE = (0, 28, 1)  # from this release on, `wandb sync` skips the runs of an online agent


def command(folders: Iterable[Path], environ: Mapping[str, str]) -> str:
    """Return the command that sends the runs in these folders to the server of this environment.

    Who reads it in the log of a job may not have the job's PATH.
    """
    words = [sys.executable, "-m", "wandb", "sync"] if job_id(environ) else ["wandb", "sync"]
    if installed_release() >= ASKS_FOR_ONLINE:
        words.append("--include-online")
    server = environ.get("WANDB_BASE_URL")
    setting = f"WANDB_BASE_URL={shlex.quote(server)} " if server else ""
    return f"{setting}{shlex.join([*words, *map(str, folders)])}"


def installed_release() -> tuple[int, ...]:
    """Return the client's version without importing it, which takes a second.

    Without a client, the newest.
    """
    try:
        text = version("wandb")
    except PackageNotFoundError:
        return ASKS_FOR_ONLINE
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])
