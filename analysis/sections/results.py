"""4. The results table."""

from __future__ import annotations

from analysis.listings import results
from analysis.section import Choices, Section
from analysis.study import Study
from analysis.table import results_table

TITLE = "Results"


def section(study: Study, choices: Choices) -> Section:
    """The best configurations per model."""
    table = results_table(study, choices.top, choices.method, choices.confidence)
    if not table.rows:
        return Section(TITLE, f"No finished run has the metric {study.metric.replace('_', '/')}.")
    return Section(TITLE, listings={"results": results(table)})
