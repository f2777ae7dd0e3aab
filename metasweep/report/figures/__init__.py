"""Every figure of the report: functions that take data and return a matplotlib Figure, and `save`."""

from metasweep.report.figures.agreement import agreement
from metasweep.report.figures.cost import cost
from metasweep.report.figures.curves import convergence, divergence, single_runs
from metasweep.report.figures.drawing.save import save, save_themes
from metasweep.report.figures.effects import effects
from metasweep.report.figures.epochs import effects_by_epoch
from metasweep.report.figures.histograms import class_histograms
from metasweep.report.figures.importance import importance
from metasweep.report.figures.interaction import interaction
from metasweep.report.figures.parallel import parallel_coordinates
from metasweep.report.figures.samples import samples
from metasweep.report.figures.trade_off import trade_off

__all__ = [
    "agreement",
    "class_histograms",
    "convergence",
    "cost",
    "divergence",
    "effects",
    "effects_by_epoch",
    "importance",
    "interaction",
    "parallel_coordinates",
    "samples",
    "save",
    "save_themes",
    "single_runs",
    "trade_off",
]
