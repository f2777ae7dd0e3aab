"""Several objectives: the configurations that no other beats in all of them (the front), and its volume.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metasweep.report.measure.choosing.configurations import Configuration, configurations
from metasweep.report.measure.statistics import Interval, interval
from metasweep.report.read.study import Study

Array = NDArray[np.float64]
MOST_POINTS = 2000  # the largest front whose volume is computed


@dataclass(frozen=True)
class Front:
    """The configurations that no other beats in all objectives, by the means over their seeds."""

    configurations: tuple[Configuration, ...]  # by the first objective, the best first
    means: tuple[tuple[Interval, ...], ...]  # of each, one per objective
    # share of the box between the worst and the best of each objective that the front dominates
    volume: float
    among: int


def front(study: Study) -> Front | None:
    """Return the front; None with fewer than two objectives, or if no configuration has all."""
    metrics = study.objectives
    if len(metrics) < 2:
        return None
    columns = [metric.column for metric in metrics]
    found = [each for each in configurations(study) if each.runs[columns].notna().any().all()]
    if not found:
        return None
    signs = np.array([metric.sign for metric in metrics])
    points = signs * np.array([[each.mean(column) for column in columns] for each in found])
    kept = sorted(undominated(points), key=lambda index: -points[index, 0])
    means = [tuple(interval(found[index].runs[column].dropna()) for column in columns) for index in kept]
    return Front(tuple(found[index] for index in kept), tuple(means), share_of_box(points, kept), len(found))


def undominated(points: Array) -> list[int]:
    """Return the indices of the points that no other point dominates.

    One point dominates another if it is as good in every objective and better in one.

    Args:
        points: large is good, shape [points, objectives].
    """
    return [
        index
        for index, point in enumerate(points)
        if not ((points >= point).all(axis=1) & (points > point).any(axis=1)).any()
    ]


def share_of_box(points: Array, kept: Sequence[int]) -> float:
    """Return the front's hypervolume, with the worst values as its reference, as a share of the whole box."""
    low, high = points.min(axis=0), points.max(axis=0)
    differ = high > low  # an objective that is the same everywhere has no side of the box
    if not differ.any():
        return 1.0
    scaled = ((points[list(kept)] - low) / np.where(differ, high - low, 1.0))[:, differ]
    return hypervolume(np.unique(scaled, axis=0)[:MOST_POINTS])


def hypervolume(points: Array) -> float:
    """Return the volume between the origin and the points, by slices along the last axis. Large is good.

    Args:
        points: not negative, shape [points, objectives].
    """
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(points.max())
    volume, below = 0.0, 0.0
    for height in np.unique(points[:, -1]):
        volume += (height - below) * hypervolume(points[points[:, -1] >= height, :-1])
        below = float(height)
    return float(volume)
