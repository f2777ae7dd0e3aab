"""The parts of a section."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure

from metasweep.report.base.listing import Listing
from metasweep.report.base.sections import SECTIONS
from metasweep.report.read.study import Study


@dataclass(frozen=True)
class Chart:
    """A figure that is drawn when needed."""

    name: str  # of its files
    title: str  # also what a screen reader says
    draw: Callable[..., Figure]  # called with theme="light" or "dark"
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs (Markdown), then figures, then tables."""

    title: str
    text: str = ""  # Markdown; text from others must have passed `in_markdown`
    charts: tuple[Chart, ...] = ()
    listings: dict[str, Listing] = field(default_factory=dict)  # file name -> table


@dataclass(frozen=True)
class Choices:
    """What the user can choose about the report."""

    method: str = "t"
    confidence: float = 0.95
    top: int = 2  # configurations per model
    threshold: float = 0.95  # accuracy, of the chart of good runs
    converged: float = 0.98
    diverged: float = 0.2
    extra: Mapping[str, Any] = field(default_factory=dict)  # options of sections that are not the tool's
    sections: Mapping[str, str] = field(default_factory=lambda: SECTIONS)  # all sections, in order
    only: tuple[str, ...] = ()  # names of sections; empty: all of them
    # the chosen configurations on fresh seeds; if given, their values are reported
    confirmation: Study | None = None
