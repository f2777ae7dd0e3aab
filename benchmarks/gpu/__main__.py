"""`python -m benchmarks.gpu`: each part runs in a process of its own, so its crash or delay affects no other.

The JSON is written again after each part, so that nothing measured is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.gpu import parts
from benchmarks.machine import describe
from benchmarks.measure import Comparison
from benchmarks.processes import family
from benchmarks.show import show
from train.config import Config
from train.facts import choose_device

RESULTS = Path(__file__).parents[1] / "results"
Part = Callable[[str, torch.device], Sequence[Comparison]]

PARTS: dict[str, tuple[Part, float]] = {  # with the time limit of each in seconds, 470 in all
    "memory": (parts.memory, 40),
    "equality": (parts.equality, 75),
    "batched": (parts.batched, 110),
    "packing": (parts.packing, 55),
    "study": (parts.study, 190),
}

REHEARSAL = 5.0  # factor of the time limits on a CPU
CARD_ONLY = {"memory"}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", metavar="[PART]...", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--data-dir", default="data", show_default=True, help="Where MNIST is, or goes.")
@click.option(
    "--device",
    type=click.Choice(["cuda", "cpu"]),
    default="cuda",
    show_default=True,
    help="cpu is a rehearsal: with few runs, and without what only a card can do.",
)
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default=RESULTS, help="Folder for the JSON."
)
@click.option("--into", type=click.Path(path_type=Path), hidden=True)
def main(names: tuple[str, ...], data_dir: str, device: str, output: Path, into: Path | None) -> None:
    """Measure each PART (all of them by default) on a GPU; write OUTPUT/DEVICE/gpu.json."""
    here = choose_device(Config(device=device))  # type: ignore[arg-type]
    if into:
        found = PARTS[names[0]][0](data_dir, here)
        show(names[0], found, describe(here))
        into.write_text(json.dumps([asdict(row) for row in found]), encoding="utf-8")
        return
    machine = describe(here)
    path = output / machine["device"] / "gpu.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    for name in names or [part for part in PARTS if device == "cuda" or part not in CARD_ONLY]:
        results[name] = run_part(name, data_dir, device)
        path.write_text(json.dumps({"machine": machine, "parts": results}, indent=1) + "\n", encoding="utf-8")
    failed = [name for name, result in results.items() if "failed" in result]
    click.echo(f"written to {path}" + (f"; failed: {', '.join(failed)}" if failed else ""), err=True)
    sys.exit(1 if failed else 0)


def run_part(name: str, data_dir: str, device: str) -> dict[str, Any]:
    """Return what a part measured, or how it failed; and its seconds."""
    click.echo(f"measuring {name} …", err=True)
    limit = PARTS[name][1] * (1 if device == "cuda" else REHEARSAL)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        into, log = Path(folder) / "found.json", Path(folder) / "log"
        command = [sys.executable, "-m", "benchmarks.gpu", name, f"--data-dir={data_dir}"]
        with log.open("wb") as file:
            code = run_limited([*command, f"--device={device}", f"--into={into}"], limit, file)
        said = log.read_text(encoding="utf-8", errors="replace")
        click.echo(said)
        seconds = round(time.monotonic() - began, 1)
        if code == 0 and into.exists():
            return {"seconds": seconds, "comparisons": json.loads(into.read_text(encoding="utf-8"))}
        reason = f"not over after {limit:g} s" if code is None else f"exit code {code}"
        return {"seconds": seconds, "failed": reason, "said": said[-4000:]}


def run_limited(command: Sequence[str], seconds: float, output: Any) -> int | None:
    """Run a command and its children for at most `seconds`; return its exit code, or None after that time."""
    process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        for pid in family(process.pid):  # the stock agent's runs have process groups of their own
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        return None


if __name__ == "__main__":
    main()
