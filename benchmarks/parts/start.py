"""From the start of an agent to the first step of its first run.

The program is that of the overhead bench, which imports torch, torchvision and wandb. Every agent starts as a
process of its own, on files that are already in the page cache. Only one of them runs at a time.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.measure import Comparison, interleave
from benchmarks.parts.overhead import OURS, STOCK, probe_sweep
from benchmarks.scene import create_sweep, embedded_server


def measure(repetitions: int = 5) -> Comparison:
    """Seconds, ours and the stock agent's."""
    with embedded_server() as environment:
        ways = {
            "ours": partial(seconds_to_first_step, OURS, environment),
            "wandb agent": partial(seconds_to_first_step, STOCK, environment),
        }
        figures = interleave(ways, repetitions)
    ours = figures.pop("ours")
    return Comparison("from an agent's start to its first run's first step", "s", ours, figures)


def seconds_to_first_step(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Start an agent for one run of a new sweep."""
    sweep = create_sweep(probe_sweep(1), environment)
    words = [word.replace("{sweep}", sweep).replace("{count}", "1") for word in command]
    with tempfile.NamedTemporaryFile("r") as log:
        began = time.time()
        subprocess.run(words, env={**environment, "PROBE_LOG": log.name}, check=True, capture_output=True)
        return json.loads(Path(log.name).read_text(encoding="utf-8"))["began"] - began
