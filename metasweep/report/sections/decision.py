"""The decision: which configuration, how sure, the cost of being surer, what to try next."""

from __future__ import annotations

from metasweep.report.base.words import in_markdown
from metasweep.report.measure.choosing.decision import decide, sentences
from metasweep.report.measure.findings import advice
from metasweep.report.read.study import Study
from metasweep.report.sections.section import Choices, Section

TITLE = "Decision"


def section(study: Study, choices: Choices) -> Section:
    """The sentences, the most important first."""
    found = decide(study, choices.method, choices.confidence)
    if found is None:
        return Section(
            TITLE, f"No finished run has {in_markdown(study.metric.name)}: nothing can be decided."
        )
    told = [*sentences(study, found), *advice(study)]
    return Section(TITLE, "\n".join(f"- {in_markdown(sentence)}" for sentence in told))
