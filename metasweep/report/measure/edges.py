"""Whether the best configuration lies on the edge of the grid, and what to try next. Pure."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import pandas as pd

from metasweep.report.measure.configurations import (
    Configuration,
    best,
    complete,
    configurations,
    expected_seeds,
)
from metasweep.report.measure.importance import on_scale
from metasweep.report.measure.statistics import SIGNIFICANCE, paired_t
from metasweep.report.read.study import TEST_SIZE, Study
from metasweep.report.rendering import value


def edge_sentences(study: Study) -> list[str]:
    """One sentence per numeric parameter whose best value is its lowest or highest; one if there is none.

    Whether to look further is decided against the neighbour inside the grid, by a paired t test over seeds.
    The best of many equal configurations beats its neighbour by luck: Bonferroni's correction for them all.
    """
    candidates = complete(configurations(study), expected_seeds(study))
    if not candidates:
        return []
    winner = best(candidates, study.metric, study.maximize, 1)[0]
    tuned = [name for name in study.parameters if name not in TEST_SIZE]
    found = [_sentence(study, candidates, winner, name) for name in tuned]
    return [sentence for sentence in found if sentence] or [f"{_named(winner)} lies on no edge of the grid."]


def _named(winner: Configuration) -> str:
    values = ", ".join(f"{name} {value(item)}" for name, item in winner.values.items())
    return f"The best configuration on validation ({values})"


def _sentence(study: Study, candidates: list[Configuration], winner: Configuration, name: str) -> str:
    levels = study.levels(name)
    own = winner.values[name]
    numbers = on_scale(pd.Series(levels))
    if numbers is None or len(levels) < 3 or own not in (levels[0], levels[-1]) or own == 0:
        return ""  # zero (no dropout, no decay) is the end of the scale, not of the grid
    outwards = levels if own == levels[-1] else levels[::-1]
    end = "highest" if own == levels[-1] else "lowest"
    place = f"{_named(winner)} has the {end} {name} of the grid, {value(own)}"
    inner = outwards[-2]
    neighbour = [c for c in candidates if c.values == {**winner.values, name: inner}]
    if not neighbour:
        return f"{place}; its neighbour {value(inner)} was not run with all seeds: nothing can be told."
    mine, theirs = winner.by_seed(study.metric).align(neighbour[0].by_seed(study.metric), join="inner")
    p_value = len(candidates) * paired_t(mine, theirs).p_value
    if math.isnan(p_value):
        return f"{place}; one seed cannot tell it from {value(inner)}."
    tested = f"paired t, corrected for {len(candidates)} configurations"
    if p_value >= SIGNIFICANCE:
        return (
            f"{place}, but cannot be told apart from {value(inner)} ({tested}, p = {min(1.0, p_value):.2f})."
        )
    logarithmic = not numbers.equals(pd.Series(levels, dtype=float))
    beyond = next_value(outwards, logarithmic)
    return f"{place}, and is better than {value(inner)} ({tested}, p = {p_value:.3f}): try {beyond} next."


def next_value(outwards: Sequence[Hashable], logarithmic: bool) -> str:
    """The value to try after the last: half a step further on a log scale, a whole step on a linear one."""
    last, before = float(str(outwards[-1])), float(str(outwards[-2]))
    return f"{last * math.sqrt(last / before):.2g}" if logarithmic else f"{2 * last - before:.3g}"
