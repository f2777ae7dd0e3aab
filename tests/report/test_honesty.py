"""A short form of `make honesty`: whether the report is right as often as it says, on known truths."""

from __future__ import annotations

import pytest

from tests.report import honesty
from tests.report.honesty import Result


def near(found: Result, low: float, high: float) -> bool:
    """Whether a share is between two bounds, or could be with more studies (three standard errors)."""
    return low - 3 * found.error <= found.share <= high + 3 * found.error


def test_the_interval_of_the_table_covers() -> None:
    assert near(honesty.interval_of_the_table(60), 0.93, 0.97)


@pytest.mark.parametrize("lost", [0.0, 0.3])
def test_the_intervals_of_the_effects_cover(lost: float) -> None:
    assert near(honesty.effects_cover(25, lost, "short"), 0.92, 0.98)


def test_a_page_about_nothing_claims_nothing() -> None:
    assert near(honesty.claims_of_noise(20), 0.0, 0.05)


@pytest.mark.parametrize("part", [0.0, 0.926])
def test_the_intervals_of_the_importance_cover(part: float) -> None:
    grid = {"a": [1, 2, 3, 4], "b": ["x", "y"], "seed": [1, 2, 3, 4, 5]}
    assert near(honesty.importance_covers(100, grid, part, "short"), 0.92, 0.98)


def test_a_clear_difference_is_seen_and_a_small_one_is_said_to_need_seeds() -> None:
    assert honesty.power_of_the_table(10, 8.0).share > 0.5
