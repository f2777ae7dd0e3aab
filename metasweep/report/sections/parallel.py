"""3. Parallel coordinates: all runs, those that learned something, those that are good."""

from __future__ import annotations

from functools import partial

import pandas as pd

from metasweep.report import figures
from metasweep.report.measure.baselines import chance_level
from metasweep.report.read.study import Study
from metasweep.report.rendering import percent
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "All runs at a glance"


def section(study: Study, choices: Choices) -> Section:
    """One line per run, from its hyper-parameters to its accuracies."""
    runs = study.finished
    runs = runs[runs["test_acc"].notna()]
    chance = chance_level(study.class_counts)
    subsets = [("parallel-all", "All runs", runs)]
    if chance is not None:
        subsets.append(("parallel-learned", "Runs better than chance", runs[runs["test_acc"] > chance]))
    good = f"Runs with {percent(choices.threshold, 0)} % test accuracy or more"
    subsets.append(("parallel-good", good, runs[runs["test_acc"] >= choices.threshold]))
    charts = [_chart(study, name, title, rows, chance) for name, title, rows in subsets if len(rows)]
    empty = [f"{title}: none." for _, title, rows in subsets if not len(rows)]
    explanation = (
        "Every line is a run. Inside a value of a parameter the runs are sorted by accuracy, so that each "
        "value reads as a stacked bar of good and bad runs."
    )
    if chance is not None:
        explanation += f" At or below {percent(chance)} % (grey) a run is no better than chance."
    return Section(TITLE, "\n\n".join([explanation, *empty]), tuple(charts))


def _chart(study: Study, name: str, title: str, runs: pd.DataFrame, chance: float | None) -> Chart:
    levels = {parameter: study.levels(parameter) for parameter in study.parameters}
    draw = partial(
        figures.parallel_coordinates, runs, study.parameters, levels=levels, chance=chance, title=title
    )
    return Chart(name, title, draw)
