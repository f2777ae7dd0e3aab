"""The results table."""

from __future__ import annotations

from metasweep.report.base.words import in_markdown, link
from metasweep.report.measure.choosing.table import results_table
from metasweep.report.read.study import Study
from metasweep.report.sections.listings import results
from metasweep.report.sections.section import Choices, Section

TITLE = "Results"


def section(study: Study, choices: Choices) -> Section:
    """The best configurations per model."""
    table = results_table(study, choices.top, choices.method, choices.confidence, choices.confirmation)
    if not table.rows:
        return Section(TITLE, f"No finished run has the metric {in_markdown(study.metric.name)}.")
    return Section(
        TITLE, _confirmed_by(choices.confirmation, study.reported.words), listings={"results": results(table)}
    )


def _confirmed_by(confirmation: Study | None, what: str) -> str:
    """Name the sweeps with fresh seeds, if there are any: the rest of the report does not use their runs."""
    if confirmation is None:
        return ""
    links = ", ".join(link(sweep.path, sweep.url) for sweep in confirmation.sweeps)
    return (
        f"The values of {in_markdown(what)} are those of {links}, which ran the chosen configurations again."
    )
