"""The report as one interactive page: builds the data for `page`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metasweep import page
from metasweep.page import columns
from metasweep.report.base.listing import Listing
from metasweep.report.base.words import duration, parameter_name, percent
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.choosing.decision import decide, sentences
from metasweep.report.measure.findings import findings
from metasweep.report.measure.status import completeness
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import SEED, Study
from metasweep.report.sections import decision, provenance, results
from metasweep.report.sections.section import Chart, Choices, Section
from metasweep.sweeps.points import parameters_by_name

LABELS = {
    "runtime_seconds": "Runtime (s)",
    "images_per_second": "Images per second",
}
# figures on the page; few, so that it stays small
ON_PAGE = ("lr-optimizer", "effects-by-epoch", "single-runs", "pareto")
IMPORTANCE = "importance-"  # the first figure of this kind is on the page too
THEMES = ("", "-dark")  # endings of figure files
DETAILS = (SEED, "epoch", "runtime_seconds", "images_per_second")


def page_data(study: Study, sections: Sequence[Section], folder: Path, choices: Choices) -> page.PageData:
    """The study as the page shows it.

    Args:
        study: all its runs, also those that did not finish.
        sections: of the report; their tables follow the charts, and the figures meant for the page.
        folder: where the figures have been written.
        choices: for the presets.
    """
    runs = study.runs[~study.runs["duplicate"]].reset_index(drop=True)
    details = [name for name in DETAILS if name in runs and runs[name].notna().any()]
    known = [metric for metric in study.metrics if runs[metric.column].notna().any()]
    metrics = sorted(known or [study.reported], key=lambda metric: metric != study.metric)
    named = [*study.parameters, *(metric.column for metric in metrics), *details]
    return page.PageData(
        title=" + ".join(dict.fromkeys(sweep.name for sweep in study.sweeps)) or "Runs",
        subtitle=study.where and f"Only runs with {study.where}",
        links=[page.Cell(sweep.path, url=sweep.url) for sweep in study.sweeps],
        runs={
            "id": runs["run_id"].tolist(),
            **{name: [plain(item) for item in runs[name]] for name in ("name", "state", "url", *named)},
        },
        parameters=[parameter_column(study, name) for name in study.parameters],
        metrics=[metric_column(study, metric) for metric in metrics],
        details=[
            page.Column(name, LABELS.get(name, name.capitalize()), axis=False, seed=name == SEED)
            for name in details
        ],
        color=(study.reported if study.reported in metrics else metrics[0]).column,
        curves=[found for metric in _by_importance(study) if (found := curve(study, runs, metric))],
        chance=chance_of(study),
        presets=presets(study, choices),
        progress=progress(study),
        highlights=highlights(study, runs),
        sections=[*_decision(study), *_findings(study, sections), *_sections(study, sections, folder)],
    )


def parameter_column(study: Study, name: str) -> page.Column:
    """Return a parameter's column, by the page's rules. Its label is its name in tables and filters."""
    levels = study.levels(name)
    own = name.removeprefix("config:")
    spaces = [found[own] for sweep in study.sweeps if own in (found := parameters_by_name(sweep.config))]
    drawn = [columns.drawn_from({**space.settings, "distribution": space.distribution}) for space in spaces]
    continuous, log = (any(each) for each in zip(*drawn, strict=True)) if drawn else (False, False)
    return columns.parameter(name, levels, parameter_name(name), levels, continuous, log)


def metric_column(study: Study, metric: Quantity) -> page.Column:
    """What is chosen by and reported are axes, the others only columns of the table."""
    axis = metric in (study.metric, study.reported)
    label = metric.title + (f" ({metric.unit})" if metric.unit else "")
    goal: columns.Goal = "max" if metric.maximize else "min"
    if metric.is_accuracy:
        return page.Column(metric.column, label, "accuracy", goal=goal, axis=axis)
    log = columns.spans_decades(columns.numbers(study.runs[metric.column].tolist()))
    return page.Column(metric.column, label, log=log, goal=goal, axis=axis)


def _by_importance(study: Study) -> list[Quantity]:
    """Return the reported metric, the one chosen by, then the others."""
    return list(dict.fromkeys((study.reported, study.metric, *study.metrics)))


def curve(study: Study, runs: pd.DataFrame, metric: Quantity) -> page.Curve | None:
    """Return a metric over epochs or steps for every run; None if no run logged it more than once."""
    name, axis = metric.column, study.x
    rows = study.history.loc[study.history[name].notna(), ["run_id", "step", "epoch", name]]
    at = pd.Index(runs["run_id"]).get_indexer(pd.Index(rows["run_id"]))
    rows = rows.assign(at=at)[at >= 0].sort_values(["at", "step"], kind="stable")
    ends = np.searchsorted(rows["at"], range(len(runs) + 1))
    if not (np.diff(ends) > 1).any():
        return None
    x, y = (finite(rows[column].tolist()) for column in (axis, name))
    spans = [slice(start, end) for start, end in itertools.pairwise(ends)]
    return page.Curve(
        metric_column(study, metric),
        x=[x[span] for span in spans],
        y=[y[span] for span in spans],
        x_label=axis,
    )


def finite(numbers: list[float]) -> list[float | None]:
    """Return numbers for JSON: None for NaN and infinities."""
    return [number if math.isfinite(number) else None for number in numbers]


def presets(study: Study, choices: Choices) -> list[page.Preset]:
    """Return the same subsets as in the figures, for accuracies: a preset keeps large values."""
    metric = study.reported
    if not metric.is_accuracy:
        return []
    chance = chance_of(study)
    found = [] if chance is None else [page.Preset("Better than chance", metric.column, chance, strict=True)]
    good = page.Preset(f"{percent(choices.threshold, 0)} % or more", metric.column, choices.threshold)
    return [*found, good]


def progress(study: Study) -> page.Progress:
    """How complete it is."""
    found = completeness(study)
    note = f"{found.preempted} preempted" if found.preempted else ""
    return page.Progress(found.expected, found.finished, found.running, found.failed, found.missing, note)


def highlights(study: Study, runs: pd.DataFrame) -> list[page.Highlight]:
    """Return the numbers at the top: the report's decision, and from how many runs it was chosen."""
    metric = study.reported
    finished = runs[(runs["state"] == "finished") & runs[metric.column].notna()]
    if finished.empty:
        return []
    found = decide(study)
    best = []
    if found is not None:
        mean = metric.amount(found.reported.mean)
        best = [
            page.Highlight(
                "Best configuration", mean, "; ".join(filter(None, (found.words, f"mean {metric.words}")))
            )
        ]
    work = duration(float(runs["runtime_seconds"].sum()))
    return [
        *best,
        page.Highlight("Median run", metric.amount(float(finished[metric.column].median()))),
        page.Highlight("Runs", str(len(runs)), f"{work} of work"),
    ]


def plain(item: Any) -> Any:
    """Return a value for JSON: None for missing values and NaN."""
    if hasattr(item, "item"):
        item = item.item()
    return None if item is None or (isinstance(item, float) and not math.isfinite(item)) else item


def _decision(study: Study) -> list[page.Section]:
    """Return the decision's sentences as the first section; none without a finished run."""
    found = decide(study)
    if found is None:
        return []
    return [page.Findings(decision.TITLE, [page.Finding(text) for text in sentences(study, found)])]


def _findings(study: Study, sections: Sequence[Section]) -> list[page.Findings]:
    titles = {chart.name: chart.title for chart in _shown(sections)}
    items = [page.Finding(found.text, titles.get(found.figure, "")) for found in findings(study)]
    return [page.Findings("Findings", items)]


def _sections(study: Study, sections: Sequence[Section], folder: Path) -> list[page.Section]:
    found: list[page.Section] = []
    # tables of results come first
    for section in sorted(sections, key=lambda section: section.title != results.TITLE):
        found += [_table(_title(section, name), listing) for name, listing in section.listings.items()]
        for chart in _shown([section]):
            light, dark = (
                page.packed((folder / f"{chart.name}{theme}.svg").read_bytes()) for theme in THEMES
            )
            found.append(page.Figure(chart.title, light, chart.title, chart.caption, dark))
    return [*found, page.Facts(provenance.TITLE, list(provenance.facts(study).items()))]


def _title(section: Section, name: str) -> str:
    """Return the title of a table: the section's title, with what the file name adds to it."""
    if len(section.listings) == 1:
        return section.title
    part = name.removeprefix(f"{section.title.lower()}-").replace("-", " ")
    return f"{section.title}: {part}"


def _shown(sections: Sequence[Section]) -> list[Chart]:
    charts = [chart for section in sections for chart in section.charts]
    first = next((chart.name for chart in charts if chart.name.startswith(IMPORTANCE)), "")
    return [chart for chart in charts if chart.name in (*ON_PAGE, first)]


def _table(title: str, listing: Listing) -> page.Table:
    bold = listing.bold
    rows = [[page.Cell(cell, bold=i in bold) for cell in row] for i, row in enumerate(listing.rows)]
    return page.Table(title, listing.headers, rows, listing.notes)
