"""The report as one interactive page: what `page` is fed with."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from metasweep import page
from metasweep.report.measure.baselines import chance_level
from metasweep.report.measure.findings import findings
from metasweep.report.measure.status import completeness
from metasweep.report.read.study import SEED, Study
from metasweep.report.rendering import Listing, percent
from metasweep.report.sections import provenance, results
from metasweep.report.sections.section import Chart, Choices, Section

MOST_LEVELS = 12  # a parameter with more values gets a continuous axis
LABELS = {
    "lr": "Learning rate",
    "dp": "Dropout",
    "train_acc": "Training accuracy",
    "val_acc": "Validation accuracy",
    "test_acc": "Test accuracy",
    "train_loss": "Training loss",
    "val_loss": "Validation loss",
    "test_loss": "Test loss",
    "runtime_seconds": "Runtime (s)",
    "images_per_second": "Images per second",
}
AXES = ("val_acc", "test_acc")
CURVES = ("test_acc", "val_acc", "train_loss", "test_loss")
ON_PAGE = (
    "lr-optimizer",
    "effects-by-epoch",
    "importance-test-acc",
    "single-runs",
)  # figures; it stays small
THEMES = ("", "-dark")  # what the names of figure files end in
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
    metrics = [name for name in ("val_acc", "test_acc", "test_loss", "train_acc") if runs[name].notna().any()]
    columns = [*study.parameters, *(metrics or ["test_acc"]), *details]
    return page.PageData(
        title=" + ".join(dict.fromkeys(sweep.name for sweep in study.sweeps)) or "Runs",
        subtitle=study.where and f"Only runs with {study.where}",
        links=[page.Cell(sweep.path, url=sweep.url) for sweep in study.sweeps],
        runs={
            "id": runs["run_id"].tolist(),
            **{name: [plain(item) for item in runs[name]] for name in ("name", "state", "url", *columns)},
        },
        parameters=[parameter_column(study, name) for name in study.parameters],
        metrics=[metric_column(name) for name in metrics or ["test_acc"]],
        details=[page.Column(name, LABELS.get(name, name.capitalize()), axis=False) for name in details],
        color="test_acc" if "test_acc" in metrics else (metrics or ["test_acc"])[0],
        curves=[found for name in CURVES if (found := curve(study, runs, name))],
        chance=chance_level(study.class_counts),
        presets=presets(study, choices),
        progress=progress(study),
        highlights=highlights(study, runs),
        sections=[*_findings(study, sections), *_sections(study, sections, folder)],
    )


def parameter_column(study: Study, name: str) -> page.Column:
    """A slot per value, or a scale when there are many numbers."""
    levels = study.levels(name)
    label = LABELS.get(name, name.replace("_", " ").capitalize())
    numbers = [level for level in levels if isinstance(level, (int, float))]
    log = len(numbers) == len(levels) > 1 and min(numbers) > 0 and max(numbers) / min(numbers) >= 50
    if len(numbers) == len(levels) > MOST_LEVELS:
        return page.Column(name, label, "number", log=log)
    return page.Column(name, label, "discrete", log=log, levels=levels)


def metric_column(name: str) -> page.Column:
    """An accuracy is an axis, a loss only a column of the table."""
    if name.endswith("_acc"):
        return page.Column(name, LABELS.get(name, name), "accuracy", axis=name in AXES)
    return page.Column(name, LABELS.get(name, name), goal="min", axis=False)


def curve(study: Study, runs: pd.DataFrame, name: str) -> page.Curve | None:
    """A metric over epochs for every run, None when nobody logged it more than once."""
    rows = study.history.loc[study.history[name].notna(), ["run_id", "step", "epoch", name]]
    at = pd.Index(runs["run_id"]).get_indexer(pd.Index(rows["run_id"]))
    rows = rows.assign(at=at)[at >= 0].sort_values(["at", "step"], kind="stable")
    ends = np.searchsorted(rows["at"], range(len(runs) + 1))
    if not (np.diff(ends) > 1).any():
        return None
    x, y = ([plain(value) for value in rows[column].tolist()] for column in ("epoch", name))
    spans = [slice(start, end) for start, end in itertools.pairwise(ends)]
    return page.Curve(metric_column(name), x=[x[span] for span in spans], y=[y[span] for span in spans])


def presets(study: Study, choices: Choices) -> list[page.Preset]:
    """The same subsets as in the figures."""
    chance = chance_level(study.class_counts)
    found = [] if chance is None else [page.Preset("Better than chance", "test_acc", chance, strict=True)]
    return [*found, page.Preset(f"{percent(choices.threshold, 0)} % or more", "test_acc", choices.threshold)]


def progress(study: Study) -> page.Progress:
    """How complete it is."""
    found = completeness(study)
    note = f"{found.preempted} preempted" if found.preempted else ""
    return page.Progress(found.expected, found.finished, found.running, found.failed, found.missing, note)


def highlights(study: Study, runs: pd.DataFrame) -> list[page.Highlight]:
    """The numbers at the top: the best run is chosen as in the table, and shown by its test accuracy."""
    finished = runs[(runs["state"] == "finished") & runs["test_acc"].notna()]
    if finished.empty:
        return []
    chosen_by = finished[study.metric].dropna()
    best = []
    if len(chosen_by):
        top = finished.loc[chosen_by.idxmax() if study.maximize else chosen_by.idxmin()]
        why = f"{top['name']}, the best by {study.metric.replace('_', '/')}"
        best = [page.Highlight("Best run", f"{percent(top['test_acc'])} %", why)]
    return [
        *best,
        page.Highlight("Median run", f"{percent(finished['test_acc'].median())} %"),
        page.Highlight("Runs", str(len(runs)), f"{runs['runtime_seconds'].sum() / 60:.0f} minutes of work"),
    ]


def plain(item: Any) -> Any:
    """For JSON: None instead of what is missing or no number."""
    if hasattr(item, "item"):
        item = item.item()
    return None if item is None or (isinstance(item, float) and not math.isfinite(item)) else item


def _findings(study: Study, sections: Sequence[Section]) -> list[page.Findings]:
    titles = {chart.name: chart.title for chart in _shown(sections)}
    items = [page.Finding(found.text, titles.get(found.figure, "")) for found in findings(study)]
    return [page.Findings("Findings", items)]


def _sections(study: Study, sections: Sequence[Section], folder: Path) -> list[page.Section]:
    found: list[page.Section] = []
    for section in sorted(sections, key=lambda section: section.title != results.TITLE):  # those first
        found += [_table(_title(section, name), listing) for name, listing in section.listings.items()]
        for chart in _shown([section]):
            light, dark = (
                page.packed((folder / f"{chart.name}{theme}.svg").read_bytes()) for theme in THEMES
            )
            found.append(page.Figure(chart.title, light, chart.title, chart.caption, dark))
    return [*found, page.Facts(provenance.TITLE, list(provenance.facts(study).items()))]


def _title(section: Section, name: str) -> str:
    """The title of one of its tables: what the name of its file adds to the section's own."""
    if len(section.listings) == 1:
        return section.title
    part = name.removeprefix(f"{section.title.lower()}-").replace("-", "_")
    return f"{section.title}: {LABELS.get(part, part.replace('_', ' ')).lower()}"


def _shown(sections: Sequence[Section]) -> list[Chart]:
    return [chart for section in sections for chart in section.charts if chart.name in ON_PAGE]


def _table(title: str, listing: Listing) -> page.Table:
    bold = listing.bold
    rows = [[page.Cell(cell, bold=i in bold) for cell in row] for i, row in enumerate(listing.rows)]
    return page.Table(title, listing.headers, rows, listing.notes)
