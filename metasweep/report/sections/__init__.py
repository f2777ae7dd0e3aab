"""The sections of the report: one module each, with a function `section(study, choices) -> Section`."""

from __future__ import annotations

from collections.abc import Callable

from metasweep.report.read.study import Study
from metasweep.report.sections import (
    baselines,
    dataset,
    effects,
    findings,
    importance,
    parallel,
    provenance,
    questions,
    results,
    runs,
)
from metasweep.report.sections.section import Choices, Section

Maker = Callable[[Study, Choices], Section]

ORDER: dict[str, Maker] = {
    "dataset": dataset.section,
    "baselines": baselines.section,
    "parallel": parallel.section,
    "results": results.section,
    "runs": runs.section,
    "effects": effects.section,
    "importance": importance.section,
    "findings": findings.section,
    "questions": questions.section,
    "provenance": provenance.section,
}


def make(study: Study, choices: Choices) -> list[Section]:
    """The sections that are wanted, in their order."""
    return [section(study, choices) for name, section in ORDER.items() if name in (choices.only or ORDER)]
