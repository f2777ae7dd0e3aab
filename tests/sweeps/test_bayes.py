"""Bayesian search: better than chance, and sensible about runs that failed or are still going on."""

import math
from collections.abc import Callable
from random import Random
from statistics import mean
from typing import Any

import pytest

from metasweep.sweeps import (
    Point,
    Trial,
    sample,
    suggest,
)
from metasweep.sweeps.metric import Metric
from metasweep.sweeps.search.bayes import RANDOM_FIRST

CONFIG: dict[str, Any] = {
    "method": "bayes",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-6, "max": 10.0},
        "depth": {"min": 1, "max": 30},
        "optimizer": {"values": ["sgd", "adam", "rmsprop", "adam"]},
        "layer": {"parameters": {"dropout": {"distribution": "beta", "a": 2, "b": 2}}},
        "epochs": {"value": 3},
    },
}

# what wandb leaves in the summary of a run that logged 2 + cost, cost, 1 + cost
SUMMARIES: dict[str, Callable[[float], dict[str, Any]]] = {
    "plain": lambda cost: {"loss": 1 + cost},
    "min": lambda cost: {"loss": {"min": cost}},
    "max": lambda cost: {"loss": {"max": 2 + cost}},  # does not suit the goal: the history counts
    "min,max": lambda cost: {"loss": {"min": cost, "max": 2 + cost}},
    "best": lambda cost: {"loss": {"best": cost}},
    "last": lambda cost: {"loss": {"last": 1 + cost}},
    "mean": lambda cost: {"loss": {"mean": 1 + cost}},
    "none": lambda cost: {},  # noqa: ARG005
}
NO_NUMBER: list[dict[str, Any]] = [
    {"loss": "NaN"},
    {"loss": math.nan},
    {"loss": {"min": "Infinity"}},
    {"loss": "diverged"},
    {},
]


def loss(point: Point) -> float:
    """Best (0) at lr 1e-3, depth 12, adam, dropout 0.5."""
    return (
        (math.log10(point["lr"]) + 3) ** 2
        + ((point["depth"] - 12) / 6) ** 2
        + (point["optimizer"] != "adam")
        + abs(point["layer"]["dropout"] - 0.5)
    )


def run_search(runs: int, seed: int) -> list[Trial]:
    rng, history = Random(seed), []
    for _ in range(runs):
        point = suggest(CONFIG, history, rng)
        history.append(Trial(point, "finished", loss(point)))
    return history


def test_it_finds_better_points_than_random_search() -> None:
    """Mean of the runs after the random ones, over seeds: by how much is not the point, but it is a lot."""
    learned = [trial.metric for seed in range(4) for trial in run_search(40, seed)[RANDOM_FIRST:]]
    rng = Random(0)
    chance = [loss(sample(CONFIG, rng)) for _ in range(400)]
    assert sum(learned) / len(learned) < 0.5 * sum(chance) / len(chance)


@pytest.mark.parametrize("kind", SUMMARIES)
def test_it_searches_as_well_whatever_wandb_makes_of_the_summary(kind: str) -> None:
    """A sixth of the runs has no number at all. The search still comes near the optimum."""
    config = CONFIG | {"parameters": {name: {"min": 0.0, "max": 1.0} for name in "xy"}}
    metric = Metric.of(config)
    assert metric

    def distance(point: Point) -> float:
        return math.hypot(point["x"] - 0.3, point["y"] - 0.7)

    def search(seed: int) -> list[float]:
        rng, history = Random(seed), list[Trial]()
        for number in range(40):
            point = suggest(config, history, rng)
            cost = distance(point)
            summary, logged = SUMMARIES[kind](cost), [2 + cost, cost, 1 + cost]
            if number % 6 == 5:
                summary, logged = NO_NUMBER[number // 6 % len(NO_NUMBER)], []
            history.append(Trial(point, "finished", metric.of_run(summary, lambda logged=logged: logged)))
        return [distance(trial.point) for trial in history[-20:]]

    found = mean(far for seed in range(3) for far in search(seed))
    rng = Random(0)
    assert found < 0.7 * mean(distance(sample(config, rng)) for _ in range(400))


def test_the_goal_only_turns_the_sign() -> None:
    history = run_search(20, seed=1)
    turned = [Trial(trial.point, trial.state, -trial.metric) for trial in history]
    maximize = {**CONFIG, "metric": {"name": "loss", "goal": "maximize"}}
    assert suggest(CONFIG, history, Random(5)) == suggest(maximize, turned, Random(5))


def test_agents_that_ask_at_once_get_different_points() -> None:
    history, rng = run_search(20, seed=2), Random(2)
    for _ in range(8):
        history.append(Trial(suggest(CONFIG, history, rng), "running"))
    points = [str(trial.point) for trial in history[20:]]
    assert len(set(points)) == 8


@pytest.mark.parametrize("state", ["running", "finished", "failed"])
def test_a_small_space_is_gone_through_before_a_point_is_repeated(state: str) -> None:
    config = {**CONFIG, "parameters": {"x": {"values": list("abcdefghijklmnop")}, "y": {"values": [1]}}}
    history: list[Trial] = []
    for number in range(16):
        history.append(Trial(suggest(config, history, Random(number)), state, 1.0))
    repeated = 16 - len({trial.point["x"] for trial in history})
    assert repeated <= 2  # it tries, and does not insist


@pytest.mark.parametrize(
    "bad", [("failed", None), ("crashed", 0.0), ("killed", 0.0), ("finished", math.nan), ("finished", "NaN")]
)
def test_runs_without_a_result_count_as_poor(bad: tuple[str, Any]) -> None:
    """Every run with sgd went wrong: sgd is hardly suggested any more."""
    config = {
        **CONFIG,
        "parameters": {"optimizer": {"values": ["sgd", "adam"]}, "x": {"min": 0.0, "max": 1.0}},
    }
    rng = Random(4)
    history = []
    for _ in range(40):
        point = sample(config, rng)
        state, metric = bad if point["optimizer"] == "sgd" else ("finished", 1 + point["x"])
        history.append(Trial(point, state, metric))
    suggested = [suggest(config, history, Random(seed))["optimizer"] for seed in range(20)]
    assert suggested.count("adam") >= 18


def test_nothing_learned_yet_is_random_search() -> None:
    history = [Trial(sample(CONFIG, Random(seed)), "failed") for seed in range(30)]
    points = [suggest(CONFIG, history, Random(seed)) for seed in range(30)]
    assert {point["optimizer"] for point in points} == {"sgd", "adam", "rmsprop"}
    assert all(point["epochs"] == 3 for point in points)


def test_points_of_other_sweeps_do_no_harm() -> None:
    history = run_search(15, seed=3)
    foreign = [Trial({"lr": "high"}, "finished", 0.0), Trial({}, "running")]
    assert suggest(CONFIG, history + foreign, Random(1)).keys() == CONFIG["parameters"].keys()


def test_constants_alone_can_be_suggested() -> None:
    config = {**CONFIG, "parameters": {"epochs": {"value": 3}}}
    history = [Trial({"epochs": 3}, "finished", 1.0)] * 12
    assert suggest(config, history, Random(1)) == {"epochs": 3}
