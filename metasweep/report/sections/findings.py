"""Findings: sentences, each with a test."""

from __future__ import annotations

from functools import partial
from typing import Any

from metasweep.report import figures
from metasweep.report.base.words import in_markdown
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.findings import agreement_of, findings
from metasweep.report.read.study import Study
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "Findings"


def section(study: Study, _choices: Choices) -> Section:
    """The sentences, and the figures that no other section has."""
    sentences = [
        f"- {in_markdown(found.text)}" + (f" [figure](figures/{found.figure}.svg)" if found.figure else "")
        for found in findings(study)
    ]
    chance = chance_of(study)
    charts = []
    agreement = agreement_of(study)
    if agreement is not None:
        title = f"{study.metric.title} against {study.reported.words}"
        look: dict[str, Any] = {"chosen_by": study.metric, "reported": study.reported, "title": title}
        draw = partial(figures.agreement, agreement.runs, at_chance=agreement.chance, **look)
        charts.append(Chart("agreement", title, draw))
    if (study.runs["runtime_seconds"] > 0).any():
        title = "Cost of the search"
        charts.append(
            Chart("cost", title, partial(figures.cost, study.runs, metric=study.metric, chance=chance))
        )
    return Section(TITLE, "\n".join(sentences), tuple(charts))
