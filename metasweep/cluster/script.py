"""From a job script of this folder to the one that is submitted: its options and settings filled in.

agent.sh and the others are complete scripts, which `qsub` takes as they are. Filling in replaces their `#PBS`
lines by other options and settings; a setting that is there already wins over a script's `NAME=${NAME:-…}`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "metacentrum"
MARKER = "#PBS "


def render(name: str, marker: str, directives: Sequence[str], settings: Mapping[str, str]) -> str:
    """The script `name` with these scheduler options and settings."""
    lines = (FOLDER / name).read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(MARKER))
    strict = lines.index("set -euo pipefail") + 1
    options = [f"{marker} {directive}" for directive in directives]
    values = [f"{setting}={shlex.quote(value)}" for setting, value in settings.items()]
    return "\n".join([*lines[:start], *options, lines[strict - 1], "", *values, *lines[strict:], ""])
