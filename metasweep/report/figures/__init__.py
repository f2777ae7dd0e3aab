"""Every figure of the report: functions that take data and return a matplotlib Figure, and `save`."""

from analysis.figures.agreement import agreement
from analysis.figures.cost import cost
from analysis.figures.curves import convergence, divergence, single_runs
from analysis.figures.effects import effects
from analysis.figures.epochs import effects_by_epoch
from analysis.figures.histograms import class_histograms
from analysis.figures.importance import importance
from analysis.figures.interaction import interaction
from analysis.figures.parallel import parallel_coordinates
from analysis.figures.samples import samples
from analysis.figures.save import save, save_themes

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
]
