"""Whether the best configuration is on the edge of the grid, and what to try next. Pure."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from metasweep.report.base.words import parameter_name, value
from metasweep.report.measure.choosing.configurations import (
    Configuration,
    best,
    complete,
    configurations,
    expected_seeds,
)
from metasweep.report.measure.importance import acts_by_factors, on_scale
from metasweep.report.measure.statistics import SIGNIFICANCE, paired_t
from metasweep.report.read.study import TEST_SIZE, Study
from metasweep.sweeps.points import listed_values

FEWEST_LEVELS = 3  # of a parameter, for one of them to be inside


@dataclass(frozen=True)
class Edge:
    """One parameter whose best value is its lowest or highest."""

    parameter: str
    value: Hashable  # the best one
    place: str  # the beginning of its sentence
    inner: Hashable  # the neighbour inside the grid
    p_value: float  # that it is no better than the neighbour; NaN without a test
    about: str  # how it was tested, or why it was not
    beyond: str  # what to try next; empty if nothing more extreme is possible

    def sentence(self, level: float = SIGNIFICANCE) -> str:
        """Return what can be said at a level of significance."""
        if math.isnan(self.p_value):
            return f"{self.place}; {self.about}."
        p = min(1.0, self.p_value)
        if not self.p_value < level:
            apart = f"but cannot be distinguished from {value(self.inner)}"
            return f"{self.place}, {apart} ({self.about}, p = {p:.2f})."
        advice = f": try {self.beyond} next" if self.beyond else ", and nothing lies beyond it"
        shown = "< 0.001" if p < 0.001 else f"= {p:.3f}"
        return f"{self.place}, and is better than {value(self.inner)} ({self.about}, p {shown}){advice}."


def inside(study: Study, winner: str) -> list[str]:
    """Say that the best configuration, in words, is on no edge; only a grid of ordered values has edges."""
    levels = {name: study.levels(name) for name in study.parameters if name not in TEST_SIZE}
    ordered = [name for name, each in levels.items() if on_scale(pd.Series(each)) is not None]
    inner = [name for name in ordered if len(levels[name]) >= FEWEST_LEVELS]
    if not inner or searched(study) != "the grid":
        return []
    which = "" if inner == ordered else f" in {', '.join(map(parameter_name, inner))}"
    return [f"{winner} lies on no edge of the grid{which}."]


def searched(study: Study) -> str:
    """Return what was searched, in words."""
    return "the search" if study.drawn else "the grid"


def edges(study: Study) -> tuple[str, list[Edge]] | None:
    """Return the best configuration in words, and its edges; None without a configuration.

    Whether to look further is decided against the neighbour inside the grid, with a paired t test over seeds.
    The best of many equal configurations beats its neighbour by luck, so Bonferroni's correction covers all
    of them.
    """
    candidates = complete(configurations(study), expected_seeds(study))
    if not candidates:
        return None
    winner = best(candidates, study.metric, 1)[0]
    tuned = [name for name in study.parameters if name not in TEST_SIZE]
    found = [_edge(study, candidates, winner, name) for name in tuned]
    return named(study, winner), [edge for edge in found if edge]


def named(study: Study, winner: Configuration) -> str:
    """Return the best configuration in words, with the metric of the choice."""
    by = "on validation" if study.metric.split == "val" else f"by {study.metric.words}"
    return f"The best configuration {by}" + (f" ({in_words(winner.values)})" if winner.values else "")


def in_words(values: Mapping[str, Hashable]) -> str:
    """`lr 0.001, optimizer adam`."""
    return ", ".join(f"{parameter_name(name)} {value(item)}" for name, item in values.items())


def _edge(study: Study, candidates: list[Configuration], winner: Configuration, name: str) -> Edge | None:
    levels = study.levels(name)
    own = winner.values[name]
    if (
        not any(parameter_name(name) in listed_values(sweep.config) for sweep in study.sweeps)
        or on_scale(pd.Series(levels)) is None
        or len(levels) < FEWEST_LEVELS
        or own not in (levels[0], levels[-1])
        or own == 0
    ):
        return None  # zero (no dropout) is the end of the scale, not only of the grid; what is drawn has none
    outwards = levels if own == levels[-1] else levels[::-1]
    end = "highest" if own == levels[-1] else "lowest"
    place = f"{named(study, winner)} has the {end} {parameter_name(name)} of {searched(study)}, {value(own)}"
    inner, beyond = outwards[-2], next_value(outwards)
    neighbour = [c for c in candidates if c.values == {**winner.values, name: inner}]
    if not neighbour:
        return Edge(
            name,
            own,
            place,
            inner,
            math.nan,
            f"its neighbour {value(inner)} was not run with all seeds: nothing can be said",
            beyond,
        )
    column = study.metric.column
    mine, theirs = winner.by_seed(column).align(neighbour[0].by_seed(column), join="inner")
    p_value = len(candidates) * paired_t(mine, theirs).p_value
    if math.isnan(p_value):
        about = f"one seed cannot distinguish it from {value(inner)}"
        return Edge(name, own, place, inner, math.nan, about, beyond)
    about = f"paired t, corrected for {len(candidates)} configurations"
    return Edge(name, own, place, inner, p_value, about, beyond)


def next_value(outwards: Sequence[Hashable]) -> str:
    """Return the value to try after the last of these, on the scale on which they are spaced.

    If they are spaced by factors, the step is half of one on a log scale, else a whole step. Integers stay
    integers, positive values positive, shares below 1. "" if nothing is left.
    """
    numbers = [float(str(level)) for level in outwards]
    last, before = numbers[-1], numbers[-2]
    whole = all(number == int(number) for number in numbers)
    if acts_by_factors(sorted(numbers)):
        factor = last / before
        beyond = last * (factor if whole else math.sqrt(factor))
    else:
        beyond = 2 * last - before
    if whole:
        beyond = float(round(beyond))
    possible = beyond != last and (beyond > 0 or min(numbers) < 0)
    if not whole and min(numbers) >= 0 and max(numbers) < 1 and beyond >= 1:
        beyond, possible = (1 + last) / 2, True
    return value(float(f"{beyond:.2g}") if not whole else beyond) if possible else ""
