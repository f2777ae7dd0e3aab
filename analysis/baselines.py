"""The section on baselines: what is reached without learning."""

from __future__ import annotations

from analysis.listings import baseline_listing
from metasweep.report.measure.baselines import baselines
from metasweep.report.read.study import Study
from metasweep.report.sections.section import Choices, Section

TITLE = "Baselines"


def section(study: Study, _choices: Choices) -> Section:
    """Random and majority-class model."""
    if not study.class_counts:
        return Section(TITLE, "The baselines need the images per class, which no run logged.")
    found = baselines(study.class_counts)
    return Section(
        TITLE,
        "What a model reaches that learned nothing: the random model guesses every class equally often, the "
        "majority-class model always names the class that is most frequent in the training set.",
        listings={"baselines": baseline_listing(found)},
    )
