"""`python -m benchmarks [PART…]`: measure, print the table, write JSON."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import click
import torch

from benchmarks.machine import describe
from benchmarks.measure import Comparison
from benchmarks.parts import (
    accuracy,
    cloud,
    load,
    members,
    overhead,
    page,
    reporting,
    simulate,
    start,
    step,
    study,
)
from benchmarks.show import save, show
from train.config import Config
from train.facts import choose_device

RESULTS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "metasweep", "bench")
MODELS = ("dense", "cnn")


def steps(data_dir: str, device: torch.device) -> list[Comparison]:
    """Both models, on one core and on all."""
    threads = [1] if device.type == "cuda" else sorted({1, len(os.sched_getaffinity(0))})
    return [row for model in MODELS for n in threads for row in step.measure(model, n, data_dir, device)]


PARTS: dict[str, Callable[[str, torch.device], Sequence[Comparison]]] = {
    "step": steps,
    "overhead": lambda *_: [overhead.measure()],
    "cloud": lambda *_: cloud.measure(),
    "start": lambda *_: [start.measure()],
    "members": lambda data_dir, device: [members.measure(model, data_dir, device) for model in MODELS],
    "study": lambda data_dir, device: [study.measure(data_dir, device)],
    "accuracy": accuracy.measure,
    "server": lambda *_: load.measure(),
    "report": lambda *_: reporting.measure(),
    "simulate": lambda *_: simulate.measure(),
    "page": lambda *_: page.measure(),
}


@click.command()
@click.argument("parts", metavar="[PART]...", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--data-dir", default="data", show_default=True, help="Where MNIST is, or goes.")
@click.option(
    "--device",
    "name",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where step, members, study and accuracy train.",
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    show_default="~/.cache/metasweep/bench",
    help="Folder for the JSON, DEVICE/PART.json. benchmarks/results is what the docs quote.",
)
def main(parts: tuple[str, ...], data_dir: str, name: Literal["auto", "cpu", "cuda"], output: Path) -> None:
    """Measure each PART (all of them by default), print its table and write its JSON.

    Most take some minutes; study and accuracy, which train the stock way too, up to an hour.
    """
    device = choose_device(Config(device=name))
    machine = describe(device)
    for part in parts or PARTS:
        click.echo(f"measuring {part} …", err=True)
        found = PARTS[part](data_dir, device)
        show(part, found, machine)
        path = output / machine["device"] / f"{part}.json"
        save(found, machine, path)
        click.echo(f"written to {path}", err=True)


if __name__ == "__main__":
    main()
