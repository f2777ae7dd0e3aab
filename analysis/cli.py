"""The commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from analysis.options import OneLineErrors, of_sweeps, read_study, selecting
from analysis.statistics import INTERVALS
from analysis.study import METRICS, Study

CONFIDENCE = click.FloatRange(0, 1, min_open=True, max_open=True)
FORMAT_NAMES = ("text", "markdown", "latex", "csv", "json")


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """From the W&B API to figures, tables and a report.

    SWEEP is ENTITY/PROJECT/ID, the address of a sweep's page, or ENTITY/PROJECT for all sweeps of a project;
    several are joined.
    """


def formatted(command: Any) -> Any:
    """Option --format."""
    return click.option(
        "--format", "format_name", type=click.Choice(FORMAT_NAMES), default="text", show_default=True
    )(command)


def intervals(command: Any) -> Any:
    """Options of every interval."""
    method = click.option("--interval", type=click.Choice(INTERVALS), default="t", show_default=True)
    coverage = click.option("--confidence", type=CONFIDENCE, default=0.95, show_default=True)
    return method(coverage(command))


def thresholds(command: Any) -> Any:
    """Option --threshold."""
    return click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        default=0.95,
        show_default=True,
        help="Test accuracy from which a run is good.",
    )(command)


def output(command: Any) -> Any:
    """Option --output: a folder."""
    folder = click.Path(path_type=Path, file_okay=False)
    return click.option("--output", "-o", type=folder, default=Path("report"), show_default=True)(command)


@main.command()
@of_sweeps
@formatted
def dataset(study: Study, format_name: str) -> None:
    """Images per class of the training, validation and test set."""
    from analysis.listings import dataset_listing

    show(dataset_listing(with_classes(study)), format_name)


@main.command()
@of_sweeps
@formatted
def baselines(study: Study, format_name: str) -> None:
    """Accuracy of guessing at random, and of always naming the largest class."""
    from analysis.baselines import baselines as compute
    from analysis.listings import baseline_listing

    show(baseline_listing(compute(with_classes(study).class_counts)), format_name)


@main.command()
@of_sweeps
@selecting
@formatted
@intervals
@click.option("--top", type=click.IntRange(min=1), default=2, show_default=True, help="Rows per model.")
@click.option("--decimals", type=click.IntRange(0, 6), default=2, show_default=True, help="Of percentages.")
@click.option("--confirm", is_flag=True, help="Print sweeps that rerun these rows on fresh seeds.")
@click.option("--create", is_flag=True, help="With --confirm: make those sweeps, print their names.")
@click.option("--confirmed", multiple=True, metavar="SWEEP", help="Report on these, made with --confirm.")
def table(
    study: Study,
    format_name: str,
    interval: str,
    confidence: float,
    top: int,
    decimals: int,
    confirm: bool,
    create: bool,
    confirmed: tuple[str, ...],
) -> None:
    """The best configurations: chosen on validation, reported on test, over all their seeds."""
    from analysis.errors import AnalysisError
    from analysis.listings import results
    from analysis.table import results_table

    if create and not confirm:
        raise click.UsageError("--create makes the sweeps of --confirm: give both.")
    fresh = read_study(confirmed, None) if confirmed else None
    found = results_table(study, top, interval, confidence, fresh)
    if not found.rows:
        raise AnalysisError(nothing_to_report(study))
    if confirm:
        print_confirmation(study, top, create)
    else:
        show(results(found, decimals), format_name)


@main.command()
@of_sweeps
@selecting
@formatted
@click.option(
    "--metric", type=click.Choice(METRICS), default="test_acc", show_default=True, help="What is explained."
)
def importance(study: Study, format_name: str, metric: str) -> None:
    """How much of the outcome each hyper-parameter explains."""
    from analysis.errors import AnalysisError
    from analysis.sections.importance import listing, measure

    found = measure(study, metric)
    if found is None:
        raise AnalysisError("Too few finished runs, or no difference between them: nothing can be told.")
    show(listing(study, found), format_name)


@main.command()
@of_sweeps
@formatted
def status(study: Study, format_name: str) -> None:
    """Whether every grid point is finished exactly once; exit code 1 while it is not."""
    from analysis.listings import status_listing
    from analysis.status import completeness

    found = completeness(study)
    show(status_listing(found), format_name)
    sys.exit(0 if found.complete else 1)


@main.command()
@of_sweeps
@selecting
@output
@thresholds
def charts(study: Study, output: Path, threshold: float) -> None:
    """All figures, as SVG in light and dark and as PNG."""
    from analysis.progress import progress_bar
    from analysis.report import write_charts_of
    from analysis.section import Choices

    with progress_bar("Drawing") as progress:
        for path in write_charts_of(study, output, Choices(threshold=threshold), progress):
            click.echo(path)


@main.command()
@of_sweeps
@selecting
@output
@intervals
@thresholds
@click.option("--top", type=click.IntRange(min=1), default=2, show_default=True, help="Rows per model.")
def report(study: Study, output: Path, interval: str, confidence: float, threshold: float, top: int) -> None:
    """Everything in one folder, and a README.md that shows it."""
    from analysis.progress import progress_bar
    from analysis.report import write_report
    from analysis.section import Choices

    with progress_bar("Drawing") as progress:
        choices = Choices(interval, confidence, top, threshold)
        click.echo(write_report(study, output, choices, progress))


def nothing_to_report(study: Study) -> str:
    """Why there is no table."""
    from analysis.status import completeness

    if len(study.finished):
        return f"No finished run has {study.metric.replace('_', '/')}, the metric of the sweep."
    return f"No run is finished yet: {completeness(study).summary}."


def print_confirmation(study: Study, top: int, create: bool) -> None:
    """The confirming sweeps as YAML documents, or made, by name."""
    import yaml

    from analysis import confirmation
    from analysis.table import choose

    sweeps = confirmation.confirming_sweeps(study, choose(study, top))
    if create:
        for config in sweeps:
            click.echo(confirmation.create(study.sweeps[0].path, config))
    else:
        click.echo(yaml.safe_dump_all(sweeps, sort_keys=False), nl=False)


def with_classes(study: Study) -> Study:
    """The study, if its runs logged the classes of their data set."""
    from analysis.errors import AnalysisError

    if not study.class_counts:
        raise AnalysisError("No run logged its class_counts: the data set is not known.")
    return study


def show(listing: Any, format_name: str) -> None:
    """Print a table in a format."""
    from analysis.rendering import FORMATS

    click.echo(FORMATS[format_name](listing), nl=False)
