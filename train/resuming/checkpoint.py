"""Checkpoints: everything that a run needs to continue, in one file that is either complete or missing.

In a sweep the file belongs to the point and not to the run. If a run is killed without a message, it is lost.
The point is tried again as a new run, which continues from the file.
"""

import hashlib
import json
import os
import pickle
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from train.config import Config
from train.errors import TrainError

FORMAT = 4
PLACES = ("data_dir", "checkpoint_dir")  # options that may differ between nodes
UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError)


def make_folder(config: Config) -> None:
    """Create the folder of ``--checkpoint-dir``. Raises TrainError if that fails."""
    try:
        if config.checkpoint_dir:
            Path(config.checkpoint_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"--checkpoint-dir {config.checkpoint_dir}: {error.strerror}") from error


def lasting_options(config: Config) -> dict[str, Any]:
    """Return the options of a run without those that may differ between nodes."""
    return {name: value for name, value in asdict(config).items() if name not in PLACES}


def name_of(config: Config, sweep_id: str | None, run_id: str) -> str:
    """Return the name of a checkpoint: from sweep and options, which all attempts at a point share."""
    if not sweep_id:
        return run_id
    identity = json.dumps(lasting_options(config), sort_keys=True)
    return f"{sweep_id}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


class Checkpoint:
    """A file in the folder of ``--checkpoint-dir``. Without a folder nothing is saved."""

    def __init__(self, config: Config, name: str) -> None:
        self._options = lasting_options(config)
        self._path = Path(config.checkpoint_dir) / f"{name}.pt" if config.checkpoint_dir else None

    def load(self) -> dict[str, Any] | None:
        """Return what was saved last, on the CPU; None without a file.

        Raises TrainError, in one line, if the file is damaged or belongs to another run.
        """
        if not self._path or not self._path.exists():
            return None
        try:
            found = torch.load(self._path, map_location="cpu", weights_only=True)
            same = found["format"] == FORMAT and found["options"] == self._options
        except UNREADABLE as error:
            raise TrainError(f"checkpoint {self._path} is damaged") from error
        if not same:
            raise TrainError(f"checkpoint {self._path} is of a run with other options")
        return found["content"]

    def save(self, content: dict[str, Any]) -> None:
        """Replace the file. It holds either the whole new content or the whole old one. Raises OSError."""
        if not self._path:
            return
        # Two copies of one job may run at once, so each writes a file of its own.
        draft = self._path.with_name(f"{self._path.name}.{socket.gethostname()}.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                torch.save({"format": FORMAT, "options": self._options, "content": content}, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except RuntimeError as error:  # torch raises it for a full disk
            raise OSError(str(error).splitlines()[0]) from error
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(self._path.parent)

    def remove(self) -> None:
        """Delete the file, and drafts of runs that were killed while saving."""
        if self._path:
            for path in self._path.parent.iterdir():
                if path.name == self._path.name or path.name.startswith(f"{self._path.name}."):
                    path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make sure that the new name of a file survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
