"""Which values of a parameter need no more runs. Pure."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

from metasweep.report.base.words import parameter_name, value
from metasweep.report.measure.choosing.configurations import (
    best,
    complete,
    configurations,
    expected_seeds,
)
from metasweep.report.measure.choosing.decision import probabilities, seed_table
from metasweep.report.read.study import Study
from metasweep.sweeps.points import listed_values

UNLIKELY = 0.01  # a value can be dropped if the best configuration has it with a lower probability


@dataclass(frozen=True)
class Dropped:
    """A value that the best configuration very probably does not have."""

    parameter: str
    value: Hashable
    tried: int  # the number of configurations with it: all that the grid has
    seeds: int

    @property
    def sentence(self) -> str:
        """Return `lr 0.1 can be dropped: …`, with its basis."""
        what = f"{parameter_name(self.parameter)} {value(self.value)}"
        about = f"empirical Bayes over {self.seeds} seeds, {self.tried} configurations with it"
        return (
            f"{what} can be dropped: the best configuration has it with a probability below "
            f"{100 * UNLIKELY:.0f} % ({about})."
        )


def dropped(study: Study) -> list[Dropped]:
    """Return the values of a grid that can be dropped; none if there is only one seed.

    The probability of a value is the sum over its configurations of their probabilities to be the best of all
    that have run with their seeds (`decision.probabilities`). A value is judged only after all its
    configurations have run: a learning rate that fails with one optimizer may be the best with another.
    """
    candidates = complete(configurations(study), expected_seeds(study))
    if len(candidates) < 2 or study.drawn:
        return []
    table = seed_table(candidates, study.metric.column) * study.metric.sign
    shares = probabilities(table, candidates.index(best(candidates, study.metric, 1)[0]))
    if math.isnan(shares[0]):
        return []
    found = []
    for name in study.parameters:
        planned = _planned(study, name)
        for level in study.levels(name):
            own = [at for at, each in enumerate(candidates) if each.values[name] == level]
            if len(own) == planned and float(shares[own].sum()) < UNLIKELY:
                found.append(Dropped(name, level, len(own), table.shape[1]))
    return found


def _planned(study: Study, parameter: str) -> int:
    """How many configurations with a value of a parameter the grids have."""
    others = [parameter_name(name) for name in study.parameters if name != parameter]
    listed = [listed_values(sweep.config) for sweep in study.sweeps]
    return sum(math.prod(len(values.get(name, (None,))) for name in others) for values in listed)
