"""`python -m benchmarks [PART…]`: measure, print the table, write benchmarks/results/."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from benchmarks import accuracy, load, members, overhead, reporting, simulate, step, study
from benchmarks.machine import describe
from benchmarks.measure import Comparison
from benchmarks.show import save, show

RESULTS = Path(__file__).parent / "results"


def steps(data_dir: str) -> list[Comparison]:
    """Both models, on one core and on all."""
    threads = sorted({1, len(os.sched_getaffinity(0))})
    return [row for model in ("dense", "cnn") for n in threads for row in step.measure(model, n, data_dir)]


def members_at_once(data_dir: str) -> list[Comparison]:
    """Both models, runs trained together and one by one."""
    return [members.measure(model, data_dir) for model in ("dense", "cnn")]


PARTS: dict[str, Callable[[str], Sequence[Comparison]]] = {
    "overhead": lambda _: [overhead.measure()],
    "step": steps,
    "members": members_at_once,
    "server": lambda _: load.measure(),
    "report": lambda _: reporting.measure(),
    "simulate": lambda _: simulate.measure(),
    "study": lambda data_dir: [study.measure(data_dir)],
    "accuracy": accuracy.measure,
}


@click.command()
@click.argument("parts", metavar="[PART]...", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--data-dir", default="data", show_default=True, help="Where MNIST is, or goes.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS / "cpu.json",
    show_default="benchmarks/results/cpu.json",
    help="A JSON file, in which the results of other parts stay.",
)
def main(parts: tuple[str, ...], data_dir: str, output: Path) -> None:
    """Measure each PART (all of them by default) and print its table.

    overhead, step, members, server, report and simulate take some minutes each; study and accuracy take half
    an hour.
    """
    machine = describe()
    for part in parts or PARTS:
        click.echo(f"measuring {part} …", err=True)
        comparisons = PARTS[part](data_dir)
        show(part, comparisons, machine)
        save(part, comparisons, machine, output)


if __name__ == "__main__":
    main()
