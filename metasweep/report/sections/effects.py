"""Grouped effects: the reported metric by every hyper-parameter, and where two interact."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from metasweep.report import figures
from metasweep.report.base.listing import Listing
from metasweep.report.base.words import in_markdown, parameter_name, value
from metasweep.report.measure import effects
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.statistics import Interval
from metasweep.report.read.study import Study
from metasweep.report.sections.listings import mean_and_half_width
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "What each hyper-parameter does"
PAIR = ("lr", "optimizer")
MOST_VALUES = 30  # of a parameter that gets a row or a curve for each value


def section(study: Study, choices: Choices) -> Section:
    """Distribution and mean by value, over runs and over epochs."""
    runs = study.finished
    metric = study.reported
    runs = runs[runs[metric.column].notna()]
    if runs.empty:
        return Section(TITLE, f"No finished run has logged {in_markdown(metric.name)}.")
    names = [name for name in study.parameters if runs[name].nunique() > 1]
    if not names:
        return Section(TITLE, "No hyper-parameter takes more than one value in the finished runs.")
    levels = {name: study.levels(name) for name in names}
    chance = chance_of(study)
    title = f"{metric.title} by hyper-parameter"
    look: dict[str, Any] = {
        "metric": metric,
        "levels": levels,
        "confidence": choices.confidence,
        "repeats": effects.repeats(study),
        "title": title,
    }
    chart = Chart("effects", title, partial(figures.effects, runs, names, chance=chance, **look))
    charts = [chart, *_by_epoch(study, names, choices), *_interaction(study, names)]
    over = "draws of the search" if effects.repeats(study) is None else "seeds of the same configurations"
    text = (
        "Every point is a run; the mean is over all runs with that value, whatever their other "
        f"hyper-parameters are, and its interval, where there is one, is over other {over}."
    )
    table = listing(study, names, choices)
    return Section(TITLE, text, tuple(charts), {"effects": table} if table.rows else {})


def listing(study: Study, names: list[str], choices: Choices) -> Listing:
    """One row per value of every parameter."""
    rows, records, metric = [], [], study.reported
    for name in names:
        if study.runs[name].nunique() > MOST_VALUES:
            continue
        table = effects.by_level(study, name, method=choices.method, confidence=choices.confidence)
        for record in table.rename(columns={name: "value"}).to_dict("records"):
            found = Interval(record["mean"], record["std"], record["n"], record["half_width"])
            ends = ("min", "max") if metric.maximize else ("max", "min")
            numbers = [metric.show(record[column]) for column in ("std", "median", *ends)]
            shown = [parameter_name(name), value(record["value"]), str(found.n)]
            rows.append([*shown, mean_and_half_width(found, metric), *numbers])
            records.append(
                {"parameter": parameter_name(name), **{str(key): item for key, item in record.items()}}
            )
    headers = ["parameter", "value", "runs", f"mean {metric.heading}", "std", "median", "worst", "best"]
    return Listing(headers, rows, records)


def _by_epoch(study: Study, names: list[str], choices: Choices) -> list[Chart]:
    metric = study.reported
    evaluated = study.history[np.isfinite(study.history[metric.column])]
    names = [name for name in names if study.runs[name].nunique() <= MOST_VALUES]
    if not names or not evaluated["run_id"].duplicated().any():  # a single epoch is not a curve
        return []
    levels = {name: study.levels(name) for name in names}
    title = f"{metric.title} by hyper-parameter and {study.x}"
    look: dict[str, Any] = {
        "metric": metric,
        "x": study.x,
        "levels": levels,
        "confidence": choices.confidence,
        "repeats": effects.repeats(study),
        "title": title,
    }
    draw = partial(figures.effects_by_epoch, study.finished, evaluated, names, **look)
    return [Chart("effects-by-epoch", title, draw)]


def _interaction(study: Study, names: list[str]) -> list[Chart]:
    if not set(PAIR) <= set(names):
        return []
    row, column = PAIR
    title = " and ".join(PAIR)
    levels = {name: study.levels(name) for name in PAIR}
    return [
        Chart(
            "lr-optimizer",
            title,
            partial(
                figures.interaction,
                study.finished,
                row,
                column,
                metric=study.reported,
                levels=levels,
                title=title,
            ),
        )
    ]
