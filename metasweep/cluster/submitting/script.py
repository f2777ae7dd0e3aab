"""Builds the script of a job: the scheduler's options, settings, the common part, and the job's own part.

The script is complete. A job needs nothing else of the tool but what its Python imports, and the script does
not change while the job waits. Scripts that a person submits by hand, such as those of metacentrum/, source
the same files.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "scripts"
FRAME = FOLDER / "job.sh"
AGENT, HELLO, LAST, CANARY, SERVE = (
    FOLDER / f"{name}.sh" for name in ("agent", "hello", "report", "canary", "serve")
)


def render(body: Path, marker: str, directives: Sequence[str], settings: Mapping[str, str]) -> str:
    """Return the script of a job that runs `body`, with these scheduler options and settings."""
    lines = ["#!/usr/bin/env bash", *(f"{marker} {directive}" for directive in directives)]
    lines += ["set -euo pipefail", *(f"{name}={shlex.quote(value)}" for name, value in settings.items())]
    return "\n".join([*lines, "", FRAME.read_text("utf-8"), body.read_text("utf-8")])
