"""One number for each run, whatever its program made of the summary."""

from __future__ import annotations

from typing import Any

import pytest

from metasweep.sweeps.metric import Metric, number_in

LOSS, ACC = Metric("loss"), Metric("acc", "maximize")
HUGE = 10**400  # JSON has it, a float does not


@pytest.mark.parametrize(
    ("metric", "summary", "history", "value"),
    [
        (LOSS, {"loss": 2}, [1, 3, 2], 2),  # the last that was logged, as without `define_metric`
        (LOSS, {"loss": {"min": 1, "max": 3, "last": 2}}, [], 1),
        (ACC, {"acc": {"min": 1, "max": 3, "last": 2}}, [], 3),
        (ACC, {"acc": {"best": 0.5, "mean": 0.2}}, [], 0.5),
        (ACC, {"acc": {"last": 0.4, "mean": 0.2}}, [], 0.4),
        (ACC, {"acc": {"mean": 0.2}}, [], 0.2),
        (ACC, {"acc": {"min": 0.1}}, [0.1, 0.9, "NaN", 0.5], 0.9),  # the worst value is not the metric
        (ACC, {"acc": {"min": 0.1}}, [], None),
        (ACC, {}, [0.1, 0.9, 0.5], 0.9),  # `summary="none"`
        (ACC, {}, [], None),
        (LOSS, {"loss": "NaN"}, [0.1], None),
        (LOSS, {"loss": float("nan")}, [0.1], None),
        (LOSS, {"loss": float("-inf")}, [], None),
        (LOSS, {"loss": "0.1"}, [], None),
        (LOSS, {"loss": True}, [], None),
        (LOSS, {"loss": HUGE}, [], None),
        (LOSS, {"loss": {"min": "NaN", "last": 4}}, [], 4),
        (Metric("val.loss"), {"val": {"loss": 4}}, [], 4),
        (Metric("val.loss"), {"val.loss": 5, "val": {"loss": 4}}, [], 5),
        (Metric("a.b.c"), {"a.b": {"c": {"min": 4}}}, [], 4),
        (Metric("val.loss"), {"val": 3}, [], None),
    ],
)
def test_the_metric_of_a_run(metric: Metric, summary: dict[str, Any], history: list[Any], value: Any) -> None:
    assert metric.of_run(summary, lambda: history) == value


def test_a_history_is_read_only_when_it_is_needed() -> None:
    assert LOSS.of_run({"loss": 1}, lambda: pytest.fail("read")) == 1


@pytest.mark.parametrize(
    ("config", "metric"),
    [
        ({}, None),
        ({"metric": {}}, None),
        ({"metric": "loss"}, None),
        ({"metric": {"name": "loss"}}, LOSS),
        ({"metric": {"name": "acc", "goal": "maximize"}}, ACC),
    ],
)
def test_the_metric_that_a_config_names(config: dict[str, Any], metric: Metric | None) -> None:
    assert Metric.of(config) == metric


def test_another_metric_of_the_summary_without_a_goal() -> None:
    assert number_in({"max": 3}) == 3
    assert number_in({"min": 1, "max": 3, "last": 2}) == 2
    assert number_in({"min": 1, "max": 3}) is None
    assert number_in("text") is None
