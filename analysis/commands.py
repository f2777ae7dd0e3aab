"""The study's own commands: its data set and its baselines."""

from __future__ import annotations

import click

from metasweep.report.base.errors import AnalysisError
from metasweep.report.cli import HELP, formatted, show
from metasweep.report.options import of_runs
from metasweep.report.read.study import Study


@click.command(context_settings=HELP)
@of_runs
@formatted
def dataset(study: Study, format_name: str) -> None:
    """Images per class of the training, validation and test set."""
    from analysis.listings import dataset_listing

    show(dataset_listing(with_classes(study)), format_name)


@click.command(context_settings=HELP)
@of_runs
@formatted
@click.option("--log", is_flag=True, help="Make them runs of the sweep's project, and print their addresses.")
def baselines(study: Study, format_name: str, log: bool) -> None:
    """Accuracy of guessing at random, and of always naming the largest class."""
    from analysis.listings import baseline_listing
    from metasweep.report.measure.baselines import baselines as compute

    found = compute(with_classes(study).class_counts)
    if log:
        from analysis.baseline_runs import log_baselines

        click.echo("\n".join(log_baselines(study, found)))
    else:
        show(baseline_listing(found), format_name)


def with_classes(study: Study) -> Study:
    """The study, if its runs logged the classes of their data set."""
    if not study.class_counts:
        raise AnalysisError("No run logged its class_counts: the data set is not known.")
    return study
