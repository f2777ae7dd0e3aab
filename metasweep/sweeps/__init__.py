"""The search of a sweep: which point comes next, which runs stop early, and what is wrong with a config.

Pure functions of a sweep config (the mapping that its YAML holds) and of what has been run.
"""

from metasweep.sweeps.config.problems import Problem
from metasweep.sweeps.config.reading import read_config
from metasweep.sweeps.config.steering import is_steered
from metasweep.sweeps.config.validation import validate
from metasweep.sweeps.grid import (
    Grid,
    grid_point,
    grid_size,
    point_index,
)
from metasweep.sweeps.parameters import Point, is_finite
from metasweep.sweeps.search.bayes import Trial, suggest
from metasweep.sweeps.search.hyperband import costs_of, is_poor, limits
from metasweep.sweeps.search.sampling import sample

__all__ = [
    "Grid",
    "Point",
    "Problem",
    "Trial",
    "costs_of",
    "grid_point",
    "grid_size",
    "is_finite",
    "is_poor",
    "is_steered",
    "limits",
    "point_index",
    "read_config",
    "sample",
    "suggest",
    "validate",
]
