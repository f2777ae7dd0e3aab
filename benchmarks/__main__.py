"""`python -m benchmarks [PART…]`: measure, print the table, write benchmarks/results/."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from benchmarks import accuracy, load, members, overhead, page, reporting, simulate, step, study
from benchmarks.machine import describe
from benchmarks.measure import Comparison
from benchmarks.show import save, show

RESULTS = Path(__file__).parent / "results"


def steps(data_dir: str) -> list[Comparison]:
    """Both models, on one core and on all."""
    threads = sorted({1, len(os.sched_getaffinity(0))})
    return [row for model in ("dense", "cnn") for n in threads for row in step.measure(model, n, data_dir)]


PARTS: dict[str, Callable[[str], Sequence[Comparison]]] = {
    "step": steps,
    "overhead": lambda _: [overhead.measure()],
    "members": lambda data_dir: [members.measure(model, data_dir) for model in ("dense", "cnn")],
    "study": lambda data_dir: [study.measure(data_dir)],
    "accuracy": accuracy.measure,
    "server": lambda _: load.measure(),
    "report": lambda _: reporting.measure(),
    "simulate": lambda _: simulate.measure(),
    "page": lambda _: page.measure(),
}


@click.command()
@click.argument("parts", metavar="[PART]...", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--data-dir", default="data", show_default=True, help="Where MNIST is, or goes.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    show_default="benchmarks/results",
    help="Folder for the JSON: DEVICE/PART.json.",
)
def main(parts: tuple[str, ...], data_dir: str, output: Path) -> None:
    """Measure each PART (all of them by default), print its table and write its JSON.

    Most take some minutes; study and accuracy, which train the stock way too, up to an hour.
    """
    machine = describe()
    for part in parts or PARTS:
        click.echo(f"measuring {part} …", err=True)
        found = PARTS[part](data_dir)
        show(part, found, machine)
        save(found, machine, output / machine["device"] / f"{part}.json")


if __name__ == "__main__":
    main()
