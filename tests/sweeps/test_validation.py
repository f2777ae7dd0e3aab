"""Validation of sweep configs: where the mistake is said to be, and what W&B's own schema refuses."""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metasweep.sweeps import Grid, sample, validate
from metasweep.sweeps.parameters import DISTRIBUTIONS
from tests.sweeps.conftest import Oracle

GRID = {"method": "grid", "parameters": {"lr": {"values": [0.1, 0.01]}}}
RANDOM = {**GRID, "method": "random"}


def with_parameter(spec: Any, method: str = "random") -> dict[str, Any]:
    return {"method": method, "parameters": {"lr": spec}}


def with_stop(**section: Any) -> dict[str, Any]:
    return {**GRID, "metric": {"name": "loss"}, "early_terminate": {"type": "hyperband", **section}}


MISTAKES = [
    ([1], "config: must be a mapping with method and parameters, not [1]"),
    ({"parameters": {"a": {"value": 1}}}, "method: missing: one of grid, random, bayes"),
    (
        {**GRID, "method": "grids"},
        'method: must be one of grid, random, bayes, not "grids" (did you mean grid?)',
    ),
    ({"method": "grid"}, "parameters: must be a mapping of at least one parameter, not null"),
    ({**GRID, "early_termination": {}}, "early_termination: unknown key (did you mean early_terminate?)"),
    ({**GRID, "name": 5}, "name: must be a text, not 5"),
    ({**GRID, "description": "\ud800"}, 'description: must be a text, not "\ud800"'),
    ({**GRID, "run_cap": 0}, "run_cap: must be above 0, not 0"),
    ({**GRID, "run_cap": "ten"}, 'run_cap: must be an integer, not "ten"'),
    ({**GRID, "command": "python"}, 'command: must be a list, such as [python, train.py], not "python"'),
    ({**GRID, "method": "bayes"}, "metric: missing: bayes and early_terminate need to know what to improve"),
    (
        {**GRID, "metric": {"name": "loss", "goal": "minimise"}},
        'metric.goal: must be one of minimize, maximize, not "minimise" (did you mean minimize?)',
    ),
    ({**GRID, "metric": {"goal": "minimize"}}, "metric.name: must be the name of a metric, not null"),
    ({**GRID, "controller": {"type": "remote"}}, "controller: must be {type: local} or {type: cloud}"),
    (
        {**GRID, "scheduler": {"engine": "skopt"}},
        'scheduler.engine: must be one of wandb, optuna, ax, not "skopt"',
    ),
    (
        {**GRID, "scheduler": {"engine": "ax", "study": "f"}},
        "scheduler.study: unknown key; known here: engine, source, optimizer, search_space",
    ),
    (
        {**GRID, "metrics": [{"name": "loss"}]},
        "metrics: several metrics need a scheduler, such as {engine: optuna}",
    ),
    (
        {**GRID, "scheduler": {"engine": "optuna"}, "metrics": [{"goal": "minimize"}]},
        'metrics.0: must be a mapping with the name of a metric, not {"goal": "minimize"}',
    ),
    (
        {"parameters": {"lr": {"value": 1}}, "scheduler": {"engine": "wandb"}},
        "method: missing: one of grid, random, bayes",
    ),
    (with_parameter(0.1), "parameters.lr: must be a mapping, such as {value: 0.1}"),
    (with_parameter([1, 2]), "parameters.lr: must be a mapping, such as {values: [1, 2]}"),
    (
        with_parameter({"value": [1], "values": [1]}),
        "parameters.lr.values: unknown key (did you mean value?)",
    ),
    (with_parameter({"vals": [1]}), "parameters.lr.vals: unknown key (did you mean values?)"),
    (with_parameter({}), "parameters.lr: needs value, values, min and max, a distribution, or parameters"),
    (with_parameter({"values": []}), "parameters.lr.values: must be a list of at least one value, not []"),
    (with_parameter({"min": 2, "max": 1}), "parameters.lr.min: must be below max, but 2 is not below 1"),
    (
        with_parameter({"min": "1e-3", "max": 1}),
        'parameters.lr.min: must be a number, not "1e-3" (in YAML, write 0.001 without quotes)',
    ),
    (
        with_parameter({"distribution": "log_uniform_values", "min": 0, "max": 1}),
        "parameters.lr.min: must be above 0, not 0",
    ),
    (
        with_parameter({"distribution": "loguniform", "min": 0.1, "max": 1}),
        f"parameters.lr.distribution: must be one of {', '.join(DISTRIBUTIONS)}, "
        'not "loguniform" (did you mean log_uniform?)',
    ),
    (
        with_parameter({"distribution": "log_uniform", "min": 1, "max": 1000}),
        "parameters.lr.max: exponents go to ±300: did you mean log_uniform_values?",
    ),
    (with_parameter({"distribution": "uniform", "min": 1}), "parameters.lr.max: missing: uniform needs it"),
    (
        with_parameter({"values": [1, 2], "probabilities": [0.5, 0.6]}),
        "parameters.lr.probabilities: must sum to 1, not 1.1",
    ),
    (
        with_parameter({"values": [1, 2], "probabilities": [1]}),
        "parameters.lr.probabilities: has 1 entries for 2 values",
    ),
    (
        with_parameter({"parameters": {"inner": {"min": 1, "max": 1}}}),
        "parameters.lr.parameters.inner.min: must be below max, but 1 is not below 1",
    ),
    (
        with_parameter({"parameters": {"inner": {"min": 0.0, "max": 1.0}}}, method="grid"),
        "parameters.lr.parameters.inner: a grid needs constant, categorical, int_uniform, q_uniform, "
        "not uniform",
    ),
    (
        {"method": "grid", "parameters": {name: {"min": 1, "max": 10**10} for name in "ab"}},
        "parameters: the grid has more than 2^63 points",
    ),
    (with_stop(), "early_terminate: needs min_iter, or max_iter and s"),
    (with_stop(max_iter=9), "early_terminate.s: missing: max_iter needs the number of times to stop runs"),
    (with_stop(max_iter=2, s=1), "early_terminate: stops nothing: max_iter / eta is below 1"),
    (with_stop(min_iter=3, eta=1), "early_terminate.eta: must be above 1, not 1"),
]


@pytest.mark.parametrize(("config", "message"), MISTAKES)
def test_a_mistake_is_said_with_its_place(config: Any, message: str) -> None:
    assert message in [str(problem) for problem in validate(config) if problem.severity == "error"]


def test_every_mistake_of_a_config_is_named() -> None:
    config = {"method": "gird", "run_cap": -1, "parameters": {"a": {"values": []}, "b": {"min": 1, "max": 0}}}
    places = [problem.place for problem in validate(config)]
    assert places == ["run_cap", "method", "parameters.a.values", "parameters.b.min"]


def test_what_does_not_change_the_search_is_a_warning() -> None:
    config = {
        **RANDOM,
        "kind": "study",
        "our_own_note": 1,
        "parameters": {"x": {"distribution": "log_uniform"} | RANGE},
    }
    assert {(problem.place, problem.severity) for problem in validate(config)} == {
        ("kind", "warning"),
        ("our_own_note", "warning"),
        ("parameters.x", "warning"),
    }


RANGE = {"min": 0.5, "max": 2.0}
# Values on either side of every rule; those that only this project refuses (a: 0, nan) are left out.
VALUES: dict[str, list[Any]] = {
    "distribution": [*DISTRIBUTIONS, "gamma", 3],
    "value": [1, None, "text", [1]],
    "values": [[1, 2], ["a", None], [], "text", [[1], {"k": 1}]],
    "probabilities": [[0.5, 0.5], [0.25, 0.25], [1.0], [], [1.5, -0.5], "text"],
    "min": [-2, 0, 0.5, 1, True, "1", None],
    "max": [1, 1.0, 3, 0.5, -3, "1"],
    "q": [1, 0.5, 0, -1, "1"],
    "mu": [0, -1.5, "0"],
    "sigma": [1, 0, -1, None],
    "a": [1, 0.5, -1, "1"],
    "b": [2, -1, [1]],
    "typo": [1],
}


@st.composite
def parameter_specs(draw: st.DrawFn) -> dict[str, Any]:
    """A spec near the schema of some distribution: a key too many, too few, or a value of the wrong kind."""
    name = draw(st.sampled_from(list(DISTRIBUTIONS)))
    keys = {*DISTRIBUTIONS[name].required, *DISTRIBUTIONS[name].defaults}
    keys ^= draw(st.sets(st.sampled_from(list(VALUES)), max_size=1))
    spec = {key: draw(st.sampled_from(VALUES[key])) for key in sorted(keys)}
    return spec if draw(st.integers(0, 3)) == 0 else {"distribution": name, **spec}


@settings(max_examples=400)
@given(spec=parameter_specs())
def test_parameters_are_refused_exactly_when_wandb_refuses_them(oracle: Oracle, spec: dict[str, Any]) -> None:
    config = with_parameter(spec) | {"run_cap": 1}  # without it, we alone refuse a search of constants
    assert bool(validate(config)) == bool(oracle("violations", config))


SECTIONS: dict[str, list[Any]] = {
    "method": ["grid", "random", "bayes", "gird", None],
    "name": ["text", 1],
    "project": ["text", None],
    "kind": ["sweep", "job"],
    "command": [["${env}", "python"], "python"],
    "run_cap": [1, 0, -1, "1", True],
    "metric": [
        {"name": "loss"},
        {
            "name": "loss",
            "goal": "maximize",
            "target": 0.9,
            "impute": "best",
            "impute_while_running": "latest",
        },
        {"name": 1},
        {"goal": "minimize"},
        {"name": "loss", "goal": "max"},
        {"name": "loss", "target": "0.9"},
        {"name": "loss", "impute": "mean"},
        {"name": "loss", "gaol": "minimize"},
        [],
    ],
    "early_terminate": [
        {"type": "hyperband", "min_iter": 3},
        {"type": "hyperband", "max_iter": 27, "s": 2, "eta": 3, "strict": False},
        {"type": "hyperband", "max_iter": 27},
        {"type": "hyperband"},
        {"min_iter": 3},
        {"type": "median", "min_iter": 3},
        {"type": "hyperband", "min_iter": 0},
        {"type": "hyperband", "min_iter": 1.5},
        {"type": "hyperband", "min_iter": 3, "eta": 1},
        {"type": "hyperband", "min_iter": 3, "strict": 1},
        {"type": "hyperband", "min_iter": 3, "bands": 2},
        3,
    ],
    "parameters": [
        {"a-b": {"values": [1, 2]}},  # we alone refuse a search of constants
        {"1a": {"values": [1, 2]}},
        {"g": {"parameters": {"x": {"values": [1, 2]}}}},
        {},
        [],
    ],
    "unheard_of": [1],
}


@settings(max_examples=200)
@given(
    changes=st.dictionaries(st.sampled_from(list(SECTIONS)), st.integers(0, 11), max_size=3),
)
def test_sections_are_refused_exactly_when_wandb_refuses_them(
    oracle: Oracle, changes: dict[str, int]
) -> None:
    chosen = {key: SECTIONS[key][index % len(SECTIONS[key])] for key, index in changes.items()}
    config = {**GRID, "metric": {"name": "loss"}, **chosen}
    assert bool(validate(config)) == bool(oracle("violations", config))


def test_a_sweep_without_metric_passes_where_nothing_needs_one() -> None:
    assert validate(GRID) == validate(RANDOM) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EXTREMES = st.sampled_from([0, 1e-300, 1e-150, 1e150, -1e150, 1e300, 10**400, 2.5, 300, -300])
EXTREME_SPECS = st.sampled_from(list(DISTRIBUTIONS)[3:]).flatmap(
    lambda name: st.fixed_dictionaries(
        {"distribution": st.just(name)}
        | dict.fromkeys((*DISTRIBUTIONS[name].required, *DISTRIBUTIONS[name].defaults), EXTREMES)
    )
)
SPECS = parameter_specs() | EXTREME_SPECS | JSON
NEARLY_A_CONFIG = st.fixed_dictionaries(
    {"method": st.sampled_from(["grid", "random", "bayes"]) | JSON},
    optional={
        "parameters": st.dictionaries(st.sampled_from("abc"), SPECS, max_size=3) | JSON,
        **{key: JSON | st.sampled_from(SECTIONS[key]) for key in ("metric", "early_terminate", "run_cap")},
    },
)


@settings(max_examples=300)
@given(config=NEARLY_A_CONFIG | JSON)
def test_whatever_is_sent_is_judged_and_what_passes_can_be_searched(config: Any) -> None:
    if any(problem.severity == "error" for problem in validate(config)):
        return
    point = sample(config, Random(1))
    assert json.loads(json.dumps(point, allow_nan=False)) == point
    if config["method"] == "grid":
        grid = Grid(config)
        assert grid.index(grid.point(grid.size - 1)) == grid.size - 1
