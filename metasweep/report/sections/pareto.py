"""Several objectives: the configurations between which only a preference decides."""

from __future__ import annotations

from functools import partial

from metasweep.report import figures
from metasweep.report.base.listing import Listing, with_parameters
from metasweep.report.base.words import in_markdown, number_of, parameter_name, value
from metasweep.report.measure.choosing.configurations import configurations
from metasweep.report.measure.choosing.pareto import Front, front
from metasweep.report.read.study import Study
from metasweep.report.sections.listings import mean_and_half_width
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "Trade-offs"
SHOWN = 30


def section(study: Study, _choices: Choices) -> Section | None:
    """Return front, hypervolume and chart; None for a sweep with one objective."""
    if len(study.objectives) < 2:
        return None
    *first, last = (in_markdown(metric.name) for metric in study.objectives)
    names = f"{', '.join(first)} and {last}"
    found = front(study)
    if found is None:
        return Section(TITLE, f"No finished run has logged all of {names}.")
    text = (
        f"The sweep names several metrics: {names}. Of {number_of(found.among, 'configuration')}, "
        f"{len(found.configurations)} are beaten by no other in all of them, by their means over the seeds. "
        f"They cover {100 * found.volume:.1f} % of the box between the worst and the best values "
        "(hypervolume)."
    )
    return Section(TITLE, text, (_chart(study, found),), {"pareto": _listing(study, found)})


def _listing(study: Study, found: Front) -> Listing:
    metrics = study.objectives
    rows, records = [], []
    for configuration, means in list(zip(found.configurations, found.means, strict=True))[:SHOWN]:
        shown = [value(item) for item in configuration.values.values()]
        cells = [mean_and_half_width(mean, metric) for mean, metric in zip(means, metrics, strict=True)]
        rows.append([*shown, str(means[0].n), *cells])
        own = {"n": means[0].n, **{m.name: mean.mean for m, mean in zip(metrics, means, strict=True)}}
        names = {parameter_name(name): item for name, item in configuration.values.items()}
        records.append(with_parameters(names, own))
    headers = [*map(parameter_name, study.parameters), "n", *(metric.heading for metric in metrics)]
    left_out = len(found.configurations) - len(rows)
    notes = [f"{left_out} more are left out."] if left_out > 0 else []
    return Listing(headers, rows, records, notes=[*notes, "± is the half-width of the 95 % t interval."])


def _chart(study: Study, found: Front) -> Chart:
    across, up = study.objectives[:2]
    means = [(each.mean(across.column), each.mean(up.column)) for each in configurations(study)]
    best = [(each.mean(across.column), each.mean(up.column)) for each in found.configurations]
    title = f"{across.title} against {up.words}"
    draw = partial(figures.trade_off, means, best, across=across, up=up, title=title)
    return Chart("pareto", title, draw)
