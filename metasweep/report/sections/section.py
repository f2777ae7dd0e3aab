"""What a section of the report is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure

from metasweep.report.read.study import Study
from metasweep.report.rendering import Listing


@dataclass(frozen=True)
class Chart:
    """A figure, drawn when it is asked for, by a function that another process can be sent (no lambda)."""

    name: str  # of its files
    title: str  # also what a screen reader says
    draw: Callable[..., Figure]  # called with theme="light" or "dark"
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs (Markdown), then figures, then tables."""

    title: str
    text: str = ""
    charts: tuple[Chart, ...] = ()
    listings: dict[str, Listing] = field(default_factory=dict)  # file name -> table


@dataclass(frozen=True)
class Choices:
    """What the user can choose about the report."""

    method: str = "t"
    confidence: float = 0.95
    top: int = 2  # configurations per model
    threshold: float = 0.95  # of the chart of good runs
    converged: float = 0.98
    diverged: float = 0.2
    data_dir: Path | None = None  # of the images, when not where the runs found them
    only: tuple[str, ...] = ()  # names of sections; none: all of them
    confirmation: Study | None = None  # the chosen configurations on fresh seeds: the results are theirs
