"""What a sweep is: its configuration, its points, the states of its runs, its metric and its search.

Pure functions of a sweep config (the mapping in its YAML) and of the runs so far.
"""

from metasweep.sweeps.config.problems import Problem
from metasweep.sweeps.config.reading import read_config
from metasweep.sweeps.config.steering import is_steered
from metasweep.sweeps.config.validation import validate
from metasweep.sweeps.grid import Grid
from metasweep.sweeps.parameters import Point, is_finite
from metasweep.sweeps.points import grid_size, is_grid, values_of
from metasweep.sweeps.search.bayes import Trial, suggest
from metasweep.sweeps.search.hyperband import costs_of, is_poor, limits
from metasweep.sweeps.search.sampling import sample

__all__ = [
    "Grid",
    "Point",
    "Problem",
    "Trial",
    "costs_of",
    "grid_size",
    "is_finite",
    "is_grid",
    "is_poor",
    "is_steered",
    "limits",
    "read_config",
    "sample",
    "suggest",
    "validate",
    "values_of",
]
