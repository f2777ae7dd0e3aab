"""6. Grouped effects: test accuracy by every hyper-parameter, and where two interact."""

from __future__ import annotations

from functools import partial
from typing import Any

from metasweep.report import figures
from metasweep.report.measure import effects
from metasweep.report.measure.baselines import chance_level
from metasweep.report.measure.statistics import Interval
from metasweep.report.read.study import Study
from metasweep.report.rendering import Listing, percent, value
from metasweep.report.sections.listings import mean_and_half_width
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "What each hyper-parameter does"
PAIR = ("lr", "optimizer")


def section(study: Study, choices: Choices) -> Section:
    """Distribution and mean by value, over runs and over epochs."""
    runs = study.finished
    runs = runs[runs["test_acc"].notna()]
    names = [name for name in study.parameters if runs[name].nunique() > 1]
    if not names:
        return Section(TITLE, "No hyper-parameter takes more than one value in the finished runs.")
    levels = {name: study.levels(name) for name in names}
    chance = chance_level(study.class_counts)
    title = "Test accuracy by hyper-parameter"
    look: dict[str, Any] = {"levels": levels, "confidence": choices.confidence, "title": title}
    chart = Chart("effects", title, partial(figures.effects, runs, names, chance=chance, **look))
    charts = [chart, *_by_epoch(study, names, choices), *_interaction(study, names)]
    text = (
        "Every point is a run; the mean and its interval are over all runs with that value, whatever their "
        "other hyper-parameters are."
    )
    return Section(TITLE, text, tuple(charts), {"effects": listing(study, names, choices)})


def listing(study: Study, names: list[str], choices: Choices) -> Listing:
    """One row per value of every parameter."""
    rows, records = [], []
    for name in names:
        table = effects.by_level(study, name, method=choices.method, confidence=choices.confidence)
        for record in table.rename(columns={name: "value"}).to_dict("records"):
            found = Interval(record["mean"], record["std"], record["n"], record["half_width"])
            numbers = [percent(record[column]) for column in ("std", "median", "min", "max")]
            rows.append([name, value(record["value"]), str(found.n), mean_and_half_width(found, 2), *numbers])
            records.append({"parameter": name, **{str(key): item for key, item in record.items()}})
    headers = ["parameter", "value", "runs", "mean test %", "std", "median", "worst", "best"]
    return Listing(headers, rows, records)


def _by_epoch(study: Study, names: list[str], choices: Choices) -> list[Chart]:
    evaluated = study.history[study.history["test_acc"].notna()]
    if not evaluated["run_id"].duplicated().any():  # a single epoch is no curve
        return []
    levels = {name: study.levels(name) for name in names}
    title = "Test accuracy by hyper-parameter and epoch"
    look: dict[str, Any] = {"levels": levels, "confidence": choices.confidence, "title": title}
    draw = partial(figures.effects_by_epoch, study.finished, evaluated, names, **look)
    return [Chart("effects-by-epoch", title, draw)]


def _interaction(study: Study, names: list[str]) -> list[Chart]:
    if not set(PAIR) <= set(names):
        return []
    row, column = PAIR
    title = "Learning rate and optimizer"
    levels = {name: study.levels(name) for name in PAIR}
    return [
        Chart(
            "lr-optimizer",
            title,
            partial(figures.interaction, study.finished, row, column, levels=levels, title=title),
        )
    ]
