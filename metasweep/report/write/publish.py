"""The report as a W&B Report: the sections' words and tables, and W&B's own panels instead of figures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from metasweep.report.errors import AnalysisError
from metasweep.report.measure.importance import on_scale
from metasweep.report.read.api import SERVER_ERRORS
from metasweep.report.read.study import LOSSES, Study, Sweep
from metasweep.report.rendering import FIGURE, markdown
from metasweep.report.sections import ORDER
from metasweep.report.sections.section import Choices, Section
from metasweep.report.write.report import title_of

try:
    import wandb_workspaces.reports.v2 as reports
    from wandb_workspaces import expr
except ImportError as error:
    raise AnalysisError("publish needs W&B's library for reports: pip install wandb-workspaces") from error

FULL, HALF = 24, 12  # columns of the grid in which panels lie
HEIGHT = 10
LONGEST_TITLE = 128
LOCAL_LINK = re.compile(r"\[([^\]]*)\]\((?:data|figures)/[^)]*\)")
REFUSALS: tuple[type[Exception], ...] = (*SERVER_ERRORS, ValueError)
Panels = list[Any]


def compose(study: Study, choices: Choices) -> Any:
    """The report as an object of W&B's library, not saved yet."""
    entity, project = study.sweeps[0].path.split("/")[:2]
    blocks: list[Any] = [reports.TableOfContents()]
    for name, make in ORDER.items():
        if name in (choices.only or ORDER):
            blocks += _blocks(study, make(study, choices), PANELS.get(name))
    return reports.Report(
        entity=entity,
        project=project,
        title=title_of(study)[:LONGEST_TITLE],
        description=f"Made by `python -m analysis publish` from {', '.join(s.path for s in study.sweeps)}",
        blocks=blocks,
        width="fluid",
    )


def specification(report: Any) -> str:
    """What W&B would be sent, as JSON."""
    return json.dumps(report._to_model().model_dump(by_alias=True, exclude_none=True), indent=2, default=str)


def save(report: Any, draft: bool) -> str:
    """Save it on the server; returns its address.

    Raises:
        AnalysisError: the server keeps no reports, or refused this one.
    """
    try:
        return str(report.save(draft=draft).url)
    except REFUSALS as error:
        reason = " ".join(str(error).split())[:200]
        raise AnalysisError(
            f"This server took no report ({reason}): only W&B's own keeps them. "
            "`python -m analysis report` writes the same into a folder."
        ) from error


def _blocks(study: Study, section: Section, panels: Callable[[Study], Panels] | None) -> Iterator[Any]:
    yield reports.H2(section.title)
    text = LOCAL_LINK.sub(r"\1", FIGURE.sub("", section.text))
    parts = [text, *(markdown(listing) for listing in section.listings.values())]
    yield from (reports.MarkdownBlock(part.strip()) for part in parts if part.strip())
    found = panels(study) if panels else []
    if found:
        yield reports.PanelGrid(runsets=_runsets(study), panels=_laid_out(found))


def _runsets(study: Study) -> list[Any]:
    """The runs of the study by project, and what of them the table under the panels shows."""
    shown = [f"config:{name}.value" for name in study.parameters]
    shown += [f"summary:{_key(name)}" for name in ("val_acc", "test_acc", "test_loss")]
    best_first = reports.OrderBy(reports.SummaryMetric(_key(study.metric)), ascending=not study.maximize)
    by_project: dict[tuple[str, ...], list[Sweep]] = {}
    for sweep in study.sweeps:
        by_project.setdefault(tuple(sweep.path.split("/")[:2]), []).append(sweep)
    return [
        reports.Runset(
            entity=entity,
            project=project,
            name=", ".join(dict.fromkeys(sweep.name for sweep in sweeps)),
            filters=_filters(study, sweeps),
            order=[best_first],
            visible_columns=["run:displayName", "run:state", *shown],
        )
        for (entity, project), sweeps in by_project.items()
    ]


def _filters(study: Study, sweeps: Sequence[Sweep]) -> list[Any]:
    """By sweep; by run when the user selected some; a project with runs of no sweep is shown whole."""
    if study.where:
        return [expr.Metric("ID").isin(study.runs["run_id"].tolist())]
    of_sweeps = all(sweep.path.count("/") == 2 for sweep in sweeps)
    return [expr.Metric("Sweep").isin([sweep.id for sweep in sweeps])] if of_sweeps else []


def _laid_out(panels: Panels) -> Panels:
    """Two in a row; one alone takes the whole row."""
    for index, panel in enumerate(panels):
        alone = index == len(panels) - 1 and index % 2 == 0
        x, y = HALF * (index % 2), HEIGHT * (index // 2)
        panel.layout = reports.Layout(x=x, y=y, w=FULL if alone else HALF, h=HEIGHT)
    return panels


def _parallel(study: Study) -> Panels:
    parameters = [
        reports.ParallelCoordinatesPlotColumn(reports.Config(name), log=_is_logarithmic(study, name) or None)
        for name in study.parameters
    ]
    metrics = [reports.SummaryMetric(_key(name)) for name in ("val_acc", "test_acc")]
    columns = [*parameters, *map(reports.ParallelCoordinatesPlotColumn, metrics)]
    return [reports.ParallelCoordinatesPlot(columns=columns)]


def _curves(study: Study) -> Panels:
    names = [name for name in ("test_acc", "test_loss", "train_acc", "train_loss") if name in study.history]
    return [
        reports.LinePlot(title=_key(name), y=[_key(name)], log_y=name in LOSSES or None) for name in names
    ]


def _effects(study: Study) -> Panels:
    """Mean and standard error of the test accuracy over the steps, by every parameter."""
    return [
        reports.LinePlot(
            title=f"{_key('test_acc')} by {name}",
            y=[_key("test_acc")],
            groupby=reports.Config(name),
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
        )
        for name in study.parameters
    ]


def _importance(_study: Study) -> Panels:
    return [reports.ParameterImportancePlot(with_respect_to=_key(name)) for name in ("test_acc", "test_loss")]


def _agreement(_study: Study) -> Panels:
    val, test = (reports.SummaryMetric(_key(name)) for name in ("val_acc", "test_acc"))
    return [reports.ScatterPlot(x=val, y=test)]


PANELS: dict[str, Callable[[Study], Panels]] = {
    "parallel": _parallel,
    "runs": _curves,
    "effects": _effects,
    "importance": _importance,
    "findings": _agreement,
}


def _key(column: str) -> str:
    """Name under which a column was logged: `val_acc` is `val/acc`."""
    return column.replace("_", "/", 1)


def _is_logarithmic(study: Study, name: str) -> bool:
    known = study.runs[name].dropna()
    scale = on_scale(known)
    return scale is not None and not scale.equals(known.astype(float))
