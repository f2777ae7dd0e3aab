"""Checkpoints: what a run needs to go on where it was, in one file that is whole or not there.

In a sweep the file belongs to the point, not to the run: a run that was killed without a word is lost, and
the point is tried again as a new run, which goes on from there.
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
PLACES = ("data_dir", "checkpoint_dir")  # options that may differ from one node to the next
UNREADABLE = (OSError, EOFError, ValueError, RuntimeError, KeyError, TypeError, pickle.UnpicklingError)


def make_folder(config: Config) -> None:
    """Make the folder of ``--checkpoint-dir``. Raises TrainError if that cannot be done."""
    try:
        if config.checkpoint_dir:
            Path(config.checkpoint_dir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainError(f"--checkpoint-dir {config.checkpoint_dir}: {error.strerror}") from error


def lasting_options(config: Config) -> dict[str, Any]:
    """The options of a run without those that may differ from one node to the next."""
    return {name: value for name, value in asdict(config).items() if name not in PLACES}


def name_of(config: Config, sweep_id: str | None, run_id: str) -> str:
    """What a checkpoint is called: after sweep and options, which all attempts at a point share."""
    if not sweep_id:
        return run_id
    identity = json.dumps(lasting_options(config), sort_keys=True)
    return f"{sweep_id}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


class Checkpoint:
    """A file in the folder of ``--checkpoint-dir``; without a folder, nothing is kept."""

    def __init__(self, config: Config, name: str) -> None:
        self._options = lasting_options(config)
        self._path = Path(config.checkpoint_dir) / f"{name}.pt" if config.checkpoint_dir else None

    def load(self) -> dict[str, Any] | None:
        """What was saved last, on the CPU, or None.

        Raises TrainError, in one line, for a file that is torn or of another run.
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
        """Replace the file: it holds all of this or all of what it held before. Raises OSError."""
        if not self._path:
            return
        # Two copies of one job can be alive: each writes a file of its own.
        draft = self._path.with_name(f"{self._path.name}.{socket.gethostname()}.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                torch.save({"format": FORMAT, "options": self._options, "content": content}, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except RuntimeError as error:  # what torch makes of a full disk
            raise OSError(str(error).splitlines()[0]) from error
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(self._path.parent)

    def remove(self) -> None:
        """Delete the file, and what a run that was killed while saving has left."""
        if self._path:
            for path in self._path.parent.iterdir():
                if path.name == self._path.name or path.name.startswith(f"{self._path.name}."):
                    path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Have the new name of a file outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
