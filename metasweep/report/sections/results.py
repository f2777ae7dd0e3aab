"""4. The results table."""

from __future__ import annotations

from metasweep.report.measure.table import results_table
from metasweep.report.read.study import Study
from metasweep.report.sections.listings import results
from metasweep.report.sections.section import Choices, Section

TITLE = "Results"


def section(study: Study, choices: Choices) -> Section:
    """The best configurations per model."""
    table = results_table(study, choices.top, choices.method, choices.confidence, choices.confirmation)
    if not table.rows:
        return Section(TITLE, f"No finished run has the metric {study.metric.replace('_', '/')}.")
    return Section(TITLE, _confirmed_by(choices.confirmation), listings={"results": results(table)})


def _confirmed_by(confirmation: Study | None) -> str:
    """The sweeps of the fresh seeds, if there are any: the report is not made of their runs otherwise."""
    if confirmation is None:
        return ""
    links = ", ".join(f"[{sweep.path}]({sweep.url})" for sweep in confirmation.sweeps)
    return f"The test accuracies are those of {links}, which ran the chosen configurations again."
