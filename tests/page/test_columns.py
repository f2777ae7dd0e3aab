"""What a column of runs becomes on the page, by its name and values: slots, a scale, a logarithm, an axis."""

from __future__ import annotations

from typing import Any

import pytest

from metasweep.page import columns


@pytest.mark.parametrize(
    ("values", "space", "kind", "log"),
    [
        ([0.1, 0.01, 0.001], {}, "discrete", True),
        ([2, 50, None], {}, "discrete", False),
        ([1, 50], {}, "discrete", True),
        ([0, 0.1, 100], {}, "discrete", False),
        ([0.5], {}, "discrete", False),
        ([1, 100, "auto"], {}, "discrete", False),
        (list(range(1, 13)), {}, "discrete", False),
        (list(range(1, 14)), {}, "number", False),
        ([0.1, 0.2], {"min": 0.0, "max": 1.0}, "number", False),
        ([0.1, 0.2], {"distribution": "log_uniform_values", "min": 0.1, "max": 1.0}, "number", True),
        ([0.0, 0.2], {"distribution": "log_normal", "mu": 0, "sigma": 1}, "number", False),
        ([3, 4], {"min": 1, "max": 9}, "discrete", False),
        ([3, 4], {"distribution": "int_uniform", "min": 1, "max": 9}, "discrete", False),
        ([0.5, 1.0], {"distribution": "q_uniform", "min": 0.0, "max": 1.0, "q": 0.5}, "discrete", False),
    ],
)
def test_a_parameter(values: list[Any], space: dict[str, Any], kind: str, log: bool) -> None:
    continuous, by_logarithm = columns.drawn_from(space)
    found = columns.parameter("p", values, continuous=continuous, log=by_logarithm)
    assert (found.kind, found.log) == (kind, log)


@pytest.mark.parametrize(
    ("name", "values", "goal", "expected"),
    [
        ("val/acc", [0.5, 0.9, None], None, ("accuracy", "max", True)),
        ("train/acc", [0.5, 0.9], None, ("accuracy", "max", False)),
        ("val/acc", [93.1, 88.0], None, ("number", "max", False)),
        ("val/loss", [0.5, 0.9], None, ("number", "min", False)),
        ("score", [5, 7], "min", ("number", "min", True)),
    ],
)
def test_a_metric(name: str, values: list[Any], goal: Any, expected: tuple[str, str, bool]) -> None:
    found = columns.metric(name, values, target="score", goal=goal)
    assert (found.kind, found.goal, found.axis) == expected
