"""The report as a W&B Report: the sections' text and tables, with W&B's own panels in place of figures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from metasweep.report.base.errors import AnalysisError
from metasweep.report.base.words import parameter_name
from metasweep.report.measure.importance import on_scale
from metasweep.report.read.api import SERVER_ERRORS
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import Study, Sweep
from metasweep.report.sections import maker
from metasweep.report.sections.section import Choices, Section
from metasweep.report.write.formats import FIGURE, markdown
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
    for name, where in choices.sections.items():
        if name in (choices.only or choices.sections):
            section = maker(where)(study, choices)
            blocks += [] if section is None else _blocks(study, section, PANELS.get(name))
    return reports.Report(
        entity=entity,
        project=project,
        title=title_of(study)[:LONGEST_TITLE],
        description=f"Made by `metasweep publish` from {', '.join(s.path for s in study.sweeps)}",
        blocks=blocks,
        width="fluid",
    )


def specification(report: Any) -> str:
    """Return what would be sent to W&B, as JSON."""
    return json.dumps(report._to_model().model_dump(by_alias=True, exclude_none=True), indent=2, default=str)


def save(report: Any, draft: bool) -> str:
    """Save it on the server; return its address.

    Raises:
        AnalysisError: the server has no reports, or refused this one.
    """
    try:
        return str(report.save(draft=draft).url)
    except REFUSALS as error:
        reason = " ".join(str(error).split())[:200]
        raise AnalysisError(
            f"This server took no report ({reason}): only W&B's own keeps them. "
            "`metasweep report` writes the same into a folder."
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
    """Return the runs of the study by project, and what the table under the panels shows of them."""
    shown = [f"config:{parameter_name(name)}.value" for name in study.parameters]
    shown += [f"summary:{metric.name}" for metric in _wanted(study)]
    best_first = reports.OrderBy(
        reports.SummaryMetric(study.metric.name), ascending=not study.metric.maximize
    )
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
    """Filter by sweep; by run if the user selected some.

    A project with runs outside of sweeps is shown whole.
    """
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
        reports.ParallelCoordinatesPlotColumn(
            reports.Config(parameter_name(name)), log=_is_logarithmic(study, name) or None
        )
        for name in study.parameters
    ]
    both = dict.fromkeys((study.metric, study.reported))
    metrics = [reports.SummaryMetric(metric.name) for metric in both]
    columns = [*parameters, *map(reports.ParallelCoordinatesPlotColumn, metrics)]
    return [reports.ParallelCoordinatesPlot(columns=columns)]


def _curves(study: Study) -> Panels:
    return [
        reports.LinePlot(title=metric.name, y=[metric.name], log_y=metric.kind == "loss" or None)
        for metric in study.metrics
        if metric.split != "val"
    ]


def _effects(study: Study) -> Panels:
    """Mean and standard error of what is reported over the steps, by every parameter."""
    return [
        reports.LinePlot(
            title=f"{study.reported.name} by {parameter_name(name)}",
            y=[study.reported.name],
            groupby=reports.Config(parameter_name(name)),
            groupby_aggfunc="mean",
            groupby_rangefunc="stderr",
        )
        for name in study.parameters
    ]


def _importance(study: Study) -> Panels:
    wanted = [metric for metric in (study.reported, study.loss) if metric is not None]
    return [reports.ParameterImportancePlot(with_respect_to=metric.name) for metric in wanted]


def _agreement(study: Study) -> Panels:
    if study.metric == study.reported:
        return []
    mine, theirs = (reports.SummaryMetric(metric.name) for metric in (study.metric, study.reported))
    return [reports.ScatterPlot(x=mine, y=theirs)]


PANELS: dict[str, Callable[[Study], Panels]] = {
    "parallel": _parallel,
    "runs": _curves,
    "effects": _effects,
    "importance": _importance,
    "findings": _agreement,
}


def _wanted(study: Study) -> list[Quantity]:
    """Return the columns of the table under the panels."""
    return [metric for metric in dict.fromkeys((study.metric, study.reported, study.loss)) if metric]


def _is_logarithmic(study: Study, name: str) -> bool:
    known = study.runs[name].dropna()
    scale = on_scale(known)
    return scale is not None and not scale.equals(known.astype(float))
