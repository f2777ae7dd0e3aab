"""The commands."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metasweep.report.measure.statistics import INTERVALS
from metasweep.report.options import (
    of_runs,
    of_sweeps,
    read_study,
    selecting,
)
from metasweep.report.read.study import METRICS, Study

if TYPE_CHECKING:
    from metasweep.report.sections.section import Choices

CONFIDENCE = click.FloatRange(0, 1, min_open=True, max_open=True)
FORMAT_NAMES = ("text", "markdown", "latex", "csv", "json")
SECTION_NAMES = (
    "dataset",
    "baselines",
    "parallel",
    "results",
    "runs",
    "effects",
    "importance",
    "findings",
    "questions",
    "provenance",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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


def confirming(command: Any) -> Any:
    """Option --confirmed, for a command that takes a study; as an argument `confirmation`."""

    @click.option(
        "--confirmed", multiple=True, metavar="SWEEP", help="Report on these, made with `table --confirm`."
    )
    @functools.wraps(command)
    def confirmed_by(study: Study, confirmed: tuple[str, ...], **options: Any) -> Any:
        return command(study, confirmation=read_study(confirmed, None) if confirmed else None, **options)

    return confirmed_by


def chosen(command: Any) -> Any:
    """What can be chosen about the report, as an argument `choices`; with `only` if the command has it."""

    @intervals
    @confirming
    @click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        default=0.95,
        show_default=True,
        help="Test accuracy from which a run is good.",
    )
    @click.option("--top", type=click.IntRange(min=1), default=2, show_default=True, help="Rows per model.")
    @click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Folder of the images; by default where the runs had it.",
    )
    @functools.wraps(command)
    def choosing(
        study: Study,
        interval: str,
        confidence: float,
        threshold: float,
        top: int,
        data_dir: Path | None,
        confirmation: Study | None,
        only: tuple[str, ...] = (),
        **options: Any,
    ) -> Any:
        from metasweep.report.sections.section import Choices

        choices = Choices(
            interval, confidence, top, threshold, data_dir=data_dir, only=only, confirmation=confirmation
        )
        return command(study, choices=choices, **options)

    return choosing


def only(command: Any) -> Any:
    """Option --only."""
    return click.option(
        "--only",
        multiple=True,
        type=click.Choice(SECTION_NAMES),
        metavar="SECTION",
        help=f"Leave the other sections out: {', '.join(SECTION_NAMES)}.",
    )(command)


def output(command: Any) -> Any:
    """Option --output: a folder."""
    folder = click.Path(path_type=Path, file_okay=False)
    return click.option("--output", "-o", type=folder, default=Path("report"), show_default=True)(command)


@main.command()
@of_runs
@formatted
def dataset(study: Study, format_name: str) -> None:
    """Images per class of the training, validation and test set."""
    from metasweep.report.sections.listings import dataset_listing

    show(dataset_listing(with_classes(study)), format_name)


@main.command()
@of_runs
@formatted
@click.option("--log", is_flag=True, help="Make them runs of the sweep's project, and print their addresses.")
def baselines(study: Study, format_name: str, log: bool) -> None:
    """Accuracy of guessing at random, and of always naming the largest class."""
    from metasweep.report.measure.baselines import baselines as compute
    from metasweep.report.sections.listings import baseline_listing

    found = compute(with_classes(study).class_counts)
    if log:
        from metasweep.report.write.baseline_runs import log_baselines

        click.echo("\n".join(log_baselines(study, found)))
    else:
        show(baseline_listing(found), format_name)


@main.command()
@of_runs
@selecting
@formatted
@intervals
@click.option("--top", type=click.IntRange(min=1), default=2, show_default=True, help="Rows per model.")
@click.option("--decimals", type=click.IntRange(0, 6), default=2, show_default=True, help="Of percentages.")
@click.option("--confirm", is_flag=True, help="Print sweeps that rerun these rows on fresh seeds.")
@click.option("--create", is_flag=True, help="With --confirm: make those sweeps, print their names.")
@confirming
def table(
    study: Study,
    format_name: str,
    interval: str,
    confidence: float,
    top: int,
    decimals: int,
    confirm: bool,
    create: bool,
    confirmation: Study | None,
) -> None:
    """The best configurations: chosen on validation, reported on test, over all their seeds."""
    from metasweep.report.errors import AnalysisError
    from metasweep.report.measure.table import results_table
    from metasweep.report.sections.listings import results

    if create and not confirm:
        raise click.UsageError("--create makes the sweeps of --confirm: give both.")
    found = results_table(study, top, interval, confidence, confirmation)
    if not found.rows:
        raise AnalysisError(nothing_to_report(study))
    if confirm:
        print_confirmation(study, top, create)
    else:
        show(results(found, decimals), format_name)


@main.command()
@of_runs
@selecting
@formatted
@click.option(
    "--metric", type=click.Choice(METRICS), default="test_acc", show_default=True, help="What is explained."
)
def importance(study: Study, format_name: str, metric: str) -> None:
    """How much of the outcome each hyper-parameter explains."""
    from metasweep.report.errors import AnalysisError
    from metasweep.report.sections.importance import listing, measure

    found = measure(study, metric)
    if found is None:
        raise AnalysisError("Too few finished runs, or no difference between them: nothing can be told.")
    show(listing(study, found), format_name)


@main.command()
@of_runs
@formatted
def status(study: Study, format_name: str) -> None:
    """Whether every grid point is finished exactly once; exit code 1 while it is not."""
    from metasweep.report.measure.status import completeness
    from metasweep.report.sections.listings import status_listing

    found = completeness(study)
    show(status_listing(found), format_name)
    sys.exit(0 if found.complete else 1)


@main.command()
@click.argument("name", type=click.Choice(SECTION_NAMES))
@of_sweeps
@selecting
@chosen
@click.option(
    "--format", "format_name", type=click.Choice(FORMAT_NAMES[:2]), default="text", show_default=True
)
def section(study: Study, choices: Choices, name: str, format_name: str) -> None:
    """One section of the report, its words and tables; `charts --only` draws its figures."""
    from metasweep.report.rendering import FORMATS, words
    from metasweep.report.sections import ORDER

    found = ORDER[name](study, choices)
    click.echo(found.text if format_name == "markdown" else words(found.text))
    for listing in found.listings.values():
        click.echo("\n" + FORMATS[format_name](listing), nl=False)


@main.command()
@of_sweeps
@selecting
@output
@chosen
@only
def charts(study: Study, output: Path, choices: Choices) -> None:
    """The figures, as SVG in light and dark and as PNG."""
    from metasweep.report.progress import progress_bar
    from metasweep.report.write.report import write_charts_of

    with progress_bar("Drawing") as progress:
        for path in write_charts_of(study, output, choices, progress):
            click.echo(path)


@main.command()
@of_sweeps
@selecting
@output
@chosen
@only
def report(study: Study, output: Path, choices: Choices) -> None:
    """Everything in one folder, and a README.md that shows it."""
    from metasweep.report.progress import progress_bar
    from metasweep.report.write.report import write_report

    with progress_bar("Drawing") as progress:
        click.echo(write_report(study, output, choices, progress))


@main.command()
@of_sweeps
@selecting
@chosen
@only
@click.option("--draft", is_flag=True, help="Only you will see it.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent, as JSON.")
def publish(study: Study, choices: Choices, draft: bool, dry_run: bool) -> None:
    """The report as a W&B Report with W&B's own panels; prints its address."""
    from metasweep.report.write.publish import compose, save, specification

    composed = compose(study, choices)
    click.echo(specification(composed) if dry_run else save(composed, draft))


def nothing_to_report(study: Study) -> str:
    """Why there is no table."""
    from metasweep.report.measure.status import completeness

    if len(study.finished):
        return f"No finished run has {study.metric.replace('_', '/')}, the metric of the sweep."
    return f"No run is finished yet: {completeness(study).summary}."


def print_confirmation(study: Study, top: int, create: bool) -> None:
    """The confirming sweeps as YAML documents, or made, by name."""
    import yaml

    from metasweep.report.measure import confirmation
    from metasweep.report.measure.table import choose

    sweeps = confirmation.confirming_sweeps(study, choose(study, top))
    if create:
        for config in sweeps:
            click.echo(confirmation.create(study.sweeps[0].path, config))
    else:
        click.echo(yaml.safe_dump_all(sweeps, sort_keys=False), nl=False)


def with_classes(study: Study) -> Study:
    """The study, if its runs logged the classes of their data set."""
    from metasweep.report.errors import AnalysisError

    if not study.class_counts:
        raise AnalysisError("No run logged its class_counts: the data set is not known.")
    return study


def show(listing: Any, format_name: str) -> None:
    """Print a table in a format."""
    from metasweep.report.rendering import FORMATS

    click.echo(FORMATS[format_name](listing), nl=False)
