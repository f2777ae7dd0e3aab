"""Parallel coordinates: all runs, those that have learned something, and the good ones."""

from __future__ import annotations

from functools import partial

import pandas as pd

from metasweep.report import figures
from metasweep.report.base.words import in_markdown, percent
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.curves import GOOD
from metasweep.report.read.study import Study
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "All runs at a glance"


def section(study: Study, choices: Choices) -> Section:
    """One line per run, from its hyper-parameters to its accuracies."""
    runs = study.finished
    metric = study.reported
    runs = runs[runs[metric.column].notna()]
    if runs.empty:
        return Section(TITLE, f"No finished run has logged {in_markdown(metric.name)}: nothing can be drawn.")
    chance = chance_of(study)
    subsets = [("parallel-all", "All runs", runs)]
    if chance is not None:
        subsets.append(("parallel-learned", "Runs better than chance", runs[runs[metric.column] > chance]))
    subsets.append(("parallel-good", *_good(study, runs, choices)))
    charts = [_chart(study, name, title, rows, chance) for name, title, rows in subsets if len(rows)]
    empty = [f"{title}: none." for _, title, rows in subsets if not len(rows)]
    explanation = (
        "Every line is a run. Inside a value of a parameter the runs are sorted by "
        f"{in_markdown(metric.words)}, so that each value reads as a stacked bar of good and bad runs."
    )
    if chance is not None:
        explanation += f" At or below {percent(chance)} % (grey) a run is no better than chance."
    return Section(TITLE, "\n\n".join([explanation, *empty]), tuple(charts))


def _good(study: Study, runs: pd.DataFrame, choices: Choices) -> tuple[str, pd.DataFrame]:
    """Return title and rows of the good runs: above the threshold of an accuracy, else the best quarter."""
    metric = study.reported
    if metric.is_accuracy:
        return (
            f"Runs with {percent(choices.threshold, 0)} % {metric.words} or more",
            runs[runs[metric.column] >= choices.threshold],
        )
    values = metric.sign * runs[metric.column]
    return f"The best quarter of the runs by {metric.words}", runs[values >= values.quantile(1 - GOOD)]


def _chart(study: Study, name: str, title: str, runs: pd.DataFrame, chance: float | None) -> Chart:
    levels = {parameter: study.levels(parameter) for parameter in study.parameters}
    draw = partial(
        figures.parallel_coordinates,
        runs,
        study.parameters,
        metrics=tuple(dict.fromkeys((study.metric, study.reported))),
        levels=levels,
        chance=chance,
        title=title,
    )
    return Chart(name, title, draw)
