"""The commands of the report."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metasweep.report.base.errors import AnalysisError
from metasweep.report.base.sections import SECTIONS
from metasweep.report.measure.choosing.confirmation import SEEDS
from metasweep.report.measure.statistics import INTERVALS
from metasweep.report.options import GIVEN, Given, of_runs, of_sweeps, read_study, selecting
from metasweep.report.read.study import Study

if TYPE_CHECKING:
    from metasweep.report.sections.section import Choices

HELP = {"help_option_names": ["-h", "--help"]}
SWEEP_HELP = (
    "SWEEP is ENTITY/PROJECT/ID, the address of a sweep's page, ENTITY/PROJECT for all sweeps of a project, "
    "or a CSV file that W&B's page of runs has exported; several are joined."
)
CONFIDENCE = click.FloatRange(0, 1, min_open=True, max_open=True)
FORMAT_NAMES = ("text", "markdown", "latex", "csv", "json")


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


def top_rows(command: Any) -> Any:
    """Option --top."""
    return click.option(
        "--top",
        type=click.IntRange(min=1),
        default=2,
        show_default=True,
        help="Rows of the table of results; with a parameter `model`, rows for each model.",
    )(command)


def confirming(command: Any) -> Any:
    """Option --confirmed, for a command with a study; its value is the argument `confirmation`."""

    @click.option(
        "--confirmed",
        multiple=True,
        metavar="SWEEP",
        help="Report the values of these sweeps, made with `table --confirm`.",
    )
    @functools.wraps(command)
    def confirmed_by(study: Study, confirmed: tuple[str, ...], **options: Any) -> Any:
        given: Given = click.get_current_context().meta[GIVEN]
        asked = replace(given.metric, metric=study.metric.name)
        given = Given(asked, study.seed)
        return command(
            study, confirmation=read_study(confirmed, None, given) if confirmed else None, **options
        )

    return confirmed_by


def chosen(sections: Mapping[str, str], extra: Sequence[click.Option]) -> Callable[[Any], Any]:
    """The options of the report's content, as an argument `choices`; with `only` if the command has it."""

    def decorated(command: Any) -> Any:
        @intervals
        @confirming
        @click.option(
            "--threshold",
            type=click.FloatRange(0, 1),
            default=0.95,
            show_default=True,
            help="Accuracy from which a run is good.",
        )
        @top_rows
        @functools.wraps(command)
        def choosing(
            study: Study,
            interval: str,
            confidence: float,
            threshold: float,
            top: int,
            confirmation: Study | None,
            only: tuple[str, ...] = (),
            **options: Any,
        ) -> Any:
            from metasweep.report.sections.section import Choices

            choices = Choices(
                interval,
                confidence,
                top,
                threshold,
                extra={option.name: options.pop(option.name, None) for option in extra if option.name},
                sections=sections,
                only=only,
                confirmation=confirmation,
            )
            return command(study, choices=choices, **options)

        return choosing

    return decorated


def only(sections: Mapping[str, str]) -> Callable[[Any], Any]:
    """Option --only."""
    return click.option(
        "--only",
        multiple=True,
        type=click.Choice(list(sections)),
        metavar="SECTION",
        help=f"Leave the other sections out: {', '.join(sections)}.",
    )


def output(default: Path) -> Callable[[Any], Any]:
    """Option --output: a folder."""
    folder = click.Path(path_type=Path, file_okay=False)
    return click.option("--output", "-o", type=folder, default=default, show_default=True)


@click.command(context_settings=HELP)
@of_runs
@selecting
@formatted
@intervals
@top_rows
@click.option("--decimals", type=click.IntRange(0, 6), default=2, show_default=True, help="Of percentages.")
@click.option("--confirm", is_flag=True, help="Print sweeps that rerun these rows on fresh seeds.")
@click.option(
    "--fresh",
    type=click.IntRange(1),
    default=SEEDS,
    show_default=True,
    help="With --confirm: how many seeds.",
)
@click.option("--create", is_flag=True, help="With --confirm: create those sweeps and print their names.")
@confirming
def table(
    study: Study,
    format_name: str,
    interval: str,
    confidence: float,
    top: int,
    decimals: int,
    confirm: bool,
    fresh: int,
    create: bool,
    confirmation: Study | None,
) -> None:
    """The best configurations: chosen on validation, reported on test, over all their seeds."""
    from metasweep.report.measure.choosing.table import results_table
    from metasweep.report.sections.listings import results

    if create and not confirm:
        raise click.UsageError("--create makes the sweeps of --confirm: give both.")
    found = results_table(study, top, interval, confidence, confirmation)
    if not found.rows:
        raise AnalysisError(nothing_to_report(study))
    if confirm:
        print_confirmation(study, top, fresh, create)
    else:
        show(results(found, decimals), format_name)


@click.command(context_settings=HELP)
@of_runs
@selecting
@formatted
def importance(study: Study, format_name: str) -> None:
    """How much of the outcome each hyper-parameter explains; --metric chooses the outcome."""
    from metasweep.report.sections.importance import listing, measure, too_little

    given: Given = click.get_current_context().meta[GIVEN]
    metric = study.metric if given.metric.metric else study.reported
    found = measure(study, metric)
    if found is None:
        raise AnalysisError(too_little(study))
    show(listing(study, found), format_name)


@click.command(context_settings=HELP)
@of_sweeps
@selecting
@output(Path("export"))
def export(study: Study, output: Path) -> None:
    """All runs and histories as Parquet and CSV, with what their columns mean."""
    from metasweep.report.write.data import export_data

    for path in export_data(study, output):
        click.echo(path)


@click.command(context_settings=HELP)
@of_runs
@formatted
def status(study: Study, format_name: str) -> None:
    """Show whether every grid point is finished exactly once; exit code 1 if not."""
    from metasweep.report.measure.status import completeness
    from metasweep.report.sections.listings import status_listing

    found = completeness(study)
    show(status_listing(found), format_name)
    sys.exit(0 if found.complete else 1)


def section_command(sections: Mapping[str, str], extra: Sequence[click.Option]) -> click.Command:
    """`section NAME SWEEP…`."""

    text = "One section of the report, its words and tables; `charts --only` draws its figures."

    @click.command(
        name="section", context_settings=HELP, help=f"{text}\n\nNAME is one of {', '.join(sections)}."
    )
    @click.argument("name", metavar="NAME", type=click.Choice(list(sections)))
    @of_sweeps
    @selecting
    @chosen(sections, extra)
    @click.option(
        "--format", "format_name", type=click.Choice(FORMAT_NAMES[:2]), default="text", show_default=True
    )
    def section(study: Study, choices: Choices, name: str, format_name: str) -> None:
        from metasweep.report.sections import maker
        from metasweep.report.write.formats import FORMATS, words

        found = maker(sections[name])(study, choices)
        if found is None:
            click.echo("This section does not apply to these runs.")
            return
        click.echo(found.text if format_name == "markdown" else words(found.text))
        for listing in found.listings.values():
            click.echo("\n" + FORMATS[format_name](listing), nl=False)

    return section


def charts_command(sections: Mapping[str, str], extra: Sequence[click.Option]) -> click.Command:
    """`charts SWEEP…`."""

    @click.command(name="charts", context_settings=HELP)
    @of_sweeps
    @selecting
    @output(Path("report"))
    @chosen(sections, extra)
    @only(sections)
    def charts(study: Study, output: Path, choices: Choices) -> None:
        """The figures, as SVG in light and dark and as PNG."""
        from metasweep.report.base.progress import progress_bar
        from metasweep.report.write.report import write_charts_of

        with progress_bar("Drawing") as progress:
            for path in write_charts_of(study, output, choices, progress):
                click.echo(path)

    return charts


def report_command(sections: Mapping[str, str], extra: Sequence[click.Option]) -> click.Command:
    """`report SWEEP…`."""

    @click.command(name="report", context_settings=HELP)
    @of_sweeps
    @selecting
    @output(Path("report"))
    @chosen(sections, extra)
    @only(sections)
    def report(study: Study, output: Path, choices: Choices) -> None:
        """The whole report in one folder, with a README.md."""
        from metasweep.report.base.progress import progress_bar
        from metasweep.report.write.report import write_report

        with progress_bar("Drawing") as progress:
            click.echo(write_report(study, output, choices, progress))

    return report


def publish_command(sections: Mapping[str, str], extra: Sequence[click.Option]) -> click.Command:
    """`publish SWEEP…`."""

    @click.command(name="publish", context_settings=HELP)
    @of_sweeps
    @selecting
    @chosen(sections, extra)
    @only(sections)
    @click.option("--draft", is_flag=True, help="Only you will see it.")
    @click.option("--dry-run", is_flag=True, help="Print what would be sent, as JSON.")
    def publish(study: Study, choices: Choices, draft: bool, dry_run: bool) -> None:
        """The report as a W&B Report with W&B's own panels; prints its address."""
        from metasweep.report.write.publish import compose, save, specification

        composed = compose(study, choices)
        click.echo(specification(composed) if dry_run else save(composed, draft))

    return publish


def make(
    sections: Mapping[str, str] = SECTIONS,
    commands: Sequence[click.Command] = (),
    options: Sequence[click.Option] = (),
    text: str = "From the W&B API to figures, tables and a report.",
) -> click.Group:
    """Return the report's commands with your own sections. A study's own script calls this.

    Args:
        sections: name -> "module:function" of all sections, in their order. The function takes the study and
            the choices, and returns a `Section`; `{**SECTIONS, "mine": "mystudy.report:section"}`.
        commands: more commands beside those of the tool.
        options: more options of `section`, `charts`, `report` and `publish`; a section finds their values in
            `Choices.extra`.
        text: what `--help` says.
    """
    group = click.Group(context_settings=HELP, help=f"{text}\n\n{SWEEP_HELP}")
    for factory in (section_command, charts_command, report_command, publish_command):
        made = factory(sections, options)
        made.params += options
        group.add_command(made)
    for command in (table, importance, status, export, *commands):
        group.add_command(command)
    return group


def nothing_to_report(study: Study) -> str:
    """Return why there is no table."""
    from metasweep.report.measure.status import completeness

    if len(study.finished):
        return f"No finished run has {study.metric.name}, the metric of the sweep."
    return f"No run is finished yet: {completeness(study).summary}."


def print_confirmation(study: Study, top: int, fresh: int, create: bool) -> None:
    """Print the confirming sweeps as YAML documents; or create them and print their names."""
    import yaml

    from metasweep.report.measure.choosing import confirmation
    from metasweep.report.measure.choosing.table import choose

    sweeps = confirmation.confirming_sweeps(study, choose(study, top), fresh)
    if create:
        for config in sweeps:
            click.echo(confirmation.create(study.sweeps[0].path, config))
    else:
        click.echo(yaml.safe_dump_all(sweeps, sort_keys=False), nl=False)


def show(listing: Any, format_name: str) -> None:
    """Print a table in a format."""
    from metasweep.report.write.formats import FORMATS

    click.echo(FORMATS[format_name](listing), nl=False)


section, charts, report, publish = (
    factory(SECTIONS, ()) for factory in (section_command, charts_command, report_command, publish_command)
)
main = make()
