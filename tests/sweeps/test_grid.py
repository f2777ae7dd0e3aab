"""Grids: the order of W&B's own search, any size, and points found again after a trip through a run."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from metasweep.sweeps import (
    Grid,
    grid_size,
    validate,
)
from tests.sweeps.conftest import Oracle

SWEEP = {
    "method": "grid",
    "parameters": {
        "model": {"values": ["dense", "cnn"]},
        "lr": {"values": [0.1, 0.01, 0.001, 0.0001, 0.00001]},
        "optimizer": {"values": ["sgd", "adam"]},
        "dp": {"values": [0, 0.1, 0.3, 0.5]},
        "seed": {"values": [1, 2, 3, 4, 5]},
        "epochs": {"value": 2},
    },
}
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 1e-5, "a", "1"])
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.fixed_dictionaries({"k": SCALARS})
SPECS = st.one_of(
    st.fixed_dictionaries({"values": st.lists(VALUES, min_size=1, max_size=4)}),
    st.fixed_dictionaries({"value": VALUES}),
    st.integers(-2, 2).map(lambda low: {"min": low, "max": low + 3}),
    st.sampled_from([1, 0.3, 0.1]).map(
        lambda q: {"distribution": "q_uniform", "min": 0, "max": 3 * q + 0.05, "q": q}
    ),
)
NAMES = st.sampled_from(["lr", "B", "a", "a.b", "z_1"])
GROUPS = st.dictionaries(NAMES, SPECS, min_size=1, max_size=2).map(lambda specs: {"parameters": specs})
GRIDS = st.dictionaries(NAMES, SPECS | GROUPS, min_size=1, max_size=3).map(
    lambda specs: {"method": "grid", "parameters": specs}
)


def tidy(value: Any) -> Any:
    """The value without the dust of binary fractions, which W&B leaves in a q_uniform."""
    if isinstance(value, dict):
        return {key: tidy(inner) for key, inner in value.items()}
    return round(value, 12) if isinstance(value, float) else value


def with_whole_numbers(value: Any) -> Any:
    """The value with 1 for 1.0: W&B's search takes them for equal, but not inside a list or a mapping.

    A run's config, which is JSON, does not distinguish them anywhere.
    """
    if isinstance(value, dict):
        return {key: with_whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@settings(max_examples=100)
@given(config=GRIDS)
@example(config={"method": "grid", "parameters": {"lr": {"values": [{"k": 1}, {"k": 1.0}, [1], [1.0]]}}})
def test_points_come_in_the_order_of_wandb(oracle: Oracle, config: dict[str, Any]) -> None:
    assert validate(config) == []
    size = grid_size(config)
    assert size is not None
    most = min(size, 150)
    ours = list(map(Grid(config).point, range(most)))
    theirs = oracle("points", with_whole_numbers(config), most + 1)
    assert [tidy(point) for point in ours] == [tidy(point) for point in theirs[:most]]
    assert len(theirs) == most + (size > most)


@given(config=GRIDS, data=st.data())
def test_a_point_is_found_again(config: dict[str, Any], data: st.DataObject) -> None:
    grid = Grid(config)
    index = data.draw(st.integers(0, grid.size - 1))
    point = {**grid.point(index), "batch_size": 64}  # a run's config holds more than its point
    assert grid.index(json.loads(json.dumps(point))) == index


def test_a_grid_is_counted_not_listed() -> None:
    config = {"method": "grid", "parameters": {name: {"min": 1, "max": 10**6} for name in "abc"}}
    grid = Grid(config)
    assert grid.size == 10**18
    assert grid.point(0) == {"a": 1, "b": 1, "c": 1}
    assert grid.point(10**6) == {"a": 1, "b": 2, "c": 1}
    assert grid.index({"a": 10**6, "b": 10**6, "c": 10**6}) == 10**18 - 1
    for outside in (-1, 10**18):
        with pytest.raises(IndexError, match="no point"):
            grid.point(outside)


def test_every_point_of_the_main_sweep_is_there_once() -> None:
    points = [Grid(SWEEP).point(index) for index in range(400)]
    assert grid_size(SWEEP) == 400
    assert len({json.dumps(point) for point in points}) == 400
    assert points[0] == {"dp": 0, "epochs": 2, "lr": 0.1, "model": "dense", "optimizer": "sgd", "seed": 1}
    assert [Grid(SWEEP).index(point) for point in points] == list(range(400))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"lr": "1e-05"}, True),  # YAML and command lines turn numbers into texts
        ({"seed": 1.0}, True),
        ({"dp": 0.0}, True),
        ({"epochs": 7}, True),  # a constant tells no points apart
        ({"lr": 2e-05}, False),
        ({"seed": True}, False),
        ({"seed": None}, False),
        ({"model": {"name": "dense"}}, False),
    ],
)
def test_a_value_may_have_been_reformatted(change: dict[str, Any], same: bool) -> None:
    point = {"dp": 0, "lr": 1e-05, "model": "dense", "optimizer": "sgd", "seed": 1}
    index = Grid(SWEEP).index(point)
    assert index is not None
    assert Grid(SWEEP).index({**point, **change}) == (index if same else None)


def test_keys_that_a_run_added_to_a_mapping_do_not_matter() -> None:
    config = {"method": "grid", "parameters": {"opt": {"values": [{"name": "sgd"}, {"name": "adam"}]}}}
    assert Grid(config).index({"opt": {"name": "adam", "_type": "filled in"}}) == 1


def test_methods_without_a_grid_have_no_size() -> None:
    assert grid_size({**SWEEP, "method": "random"}) is None
