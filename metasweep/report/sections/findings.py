"""8. Findings: sentences with a test behind each."""

from __future__ import annotations

from functools import partial

from metasweep.report import figures
from metasweep.report.measure.baselines import chance_level
from metasweep.report.measure.findings import findings
from metasweep.report.read.study import Study
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "Findings"


def section(study: Study, _choices: Choices) -> Section:
    """The sentences, and the figures that no other section has."""
    sentences = [
        f"- {found.text}" + (f" [figure](figures/{found.figure}.svg)" if found.figure else "")
        for found in findings(study)
    ]
    chance = chance_level(study.class_counts)
    runs = study.finished
    charts = []
    pairs = runs[["val_acc", "test_acc"]].dropna()
    if (pairs.max(axis=1) > (chance or 0)).any():
        title = "Validation against test"
        charts.append(Chart("agreement", title, partial(figures.agreement, runs, chance=chance)))
    if (study.runs["runtime_seconds"] > 0).any():
        title = "Cost of the search"
        charts.append(Chart("cost", title, partial(figures.cost, study.runs, chance=chance)))
    return Section(TITLE, "\n".join(sentences), tuple(charts))
