"""`python -m benchmarks [PART…]`: measure, print the table, write benchmarks/results/."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from benchmarks import epoch, overhead, page, study
from benchmarks.machine import describe
from benchmarks.measure import Comparison
from benchmarks.show import save, show

RESULTS = Path(__file__).parent / "results"


def epochs(data_dir: str) -> list[Comparison]:
    """Both models, on one core and on all."""
    threads = sorted({1, len(os.sched_getaffinity(0))})
    return [epoch.measure(model, n, data_dir) for model in ("dense", "cnn") for n in threads]


PARTS: dict[str, Callable[[str], Sequence[Comparison]]] = {
    "epoch": epochs,
    "overhead": lambda _: [overhead.measure()],
    "study": lambda data_dir: [study.measure(data_dir)],
    "page": lambda _: page.measure(),
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--data-dir", default="data", show_default=True, help="Where MNIST is, or goes.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS / "cpu.json")
def main(parts: tuple[str, ...], data_dir: str, output: Path) -> None:
    """Measure the named PARTS, or all of them."""
    machine = describe()
    comparisons: list[Comparison] = []
    for part in parts or PARTS:
        click.echo(f"measuring {part} …", err=True)
        comparisons += PARTS[part](data_dir)
    show(comparisons, machine)
    save(comparisons, machine, output)


if __name__ == "__main__":
    main()
