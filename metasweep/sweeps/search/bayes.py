"""Bayesian search with Optuna's tree-structured Parzen estimator (Bergstra et al., 2011).

Nothing is kept between calls: each suggestion is computed from the whole history. Listed values are unordered
choices. Every other parameter is searched as its quantile, a share in [0, 1]: so a log-uniform one is
searched in the exponent, and a normal one where it is likely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from metasweep.sweeps.grid import Choices
from metasweep.sweeps.parameters import (
    Parameter,
    Point,
    is_finite,
    make_point,
    read_parameters,
    value_at,
)
from metasweep.sweeps.search.quantiles import quantile, share_below
from metasweep.sweeps.search.sampling import sample
from metasweep.sweeps.states import ENDED

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution

RANDOM_FIRST = 10
"""This many runs must have ended before the search learns from them; until then it is random."""
_TRIES = 10


@dataclass(frozen=True)
class Trial:
    """A run's point, its state, and its metric (the best or last value; None without one)."""

    point: Point
    state: str
    metric: Any = None


def suggest(config: Mapping[str, Any], history: Sequence[Trial], rng: Random) -> Point:
    """Return the point to try next. Points that are being tried (pending, running, preempted) count too.

    A run that failed or has no finite metric counts as poor as the worst one (`metric.impute`). A point of
    the history is suggested again only if none of several suggestions is new.
    """
    costs = _costs(config["metric"], history)
    learned = sum(cost is not None for cost in costs) >= RANDOM_FIRST
    study = _study(config, history, costs, rng.getrandbits(32)) if learned else None
    tried = [trial.point for trial in history]
    for _ in range(_TRIES):
        point = sample(config, rng) if study is None else _ask(study, config)
        if point not in tried:
            break
    return point


def _costs(metric: Mapping[str, Any], history: Sequence[Trial]) -> list[float | None]:
    """Return each trial's cost, which is minimized whatever the goal; None for a trial that has not ended."""
    sign = -1 if metric.get("goal") == "maximize" else 1
    own = [sign * trial.metric if is_finite(trial.metric) else None for trial in history]
    ended = [cost for cost, trial in zip(own, history, strict=True) if trial.state in ENDED]
    worst = max((cost for cost in ended if cost is not None), default=None)
    while_running = metric.get("impute_while_running", "false") != "false"
    after_failure = metric.get("impute", "worst") != "worst"

    def cost_of(trial: Trial, cost: float | None) -> float | None:
        if trial.state not in ENDED:
            return cost if while_running and trial.state == "running" else None
        return cost if cost is not None and (trial.state == "finished" or after_failure) else worst

    return [cost_of(trial, cost) for trial, cost in zip(history, own, strict=True)]


def _study(
    config: Mapping[str, Any], history: Sequence[Trial], costs: Sequence[float | None], seed: int
) -> "Study":
    """Return the history as an Optuna study. An open trial keeps other suggestions away from its point."""
    import optuna  # takes 0.3 s, and only bayes needs it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)
    study = optuna.create_study(sampler=sampler)
    distributions = _distributions(config)
    for trial, cost in zip(history, costs, strict=True):
        state = optuna.trial.TrialState.RUNNING if cost is None else optuna.trial.TrialState.COMPLETE
        if (coordinates := _coordinates(config, trial.point)) is not None:
            study.add_trial(
                optuna.trial.create_trial(
                    state=state, value=cost, params=coordinates, distributions=distributions
                )
            )
    return study


def _ask(study: "Study", config: Mapping[str, Any]) -> Point:
    coordinates = study.ask(_distributions(config)).params
    return make_point(
        (parameter.path, _value(parameter, coordinates)) for parameter in read_parameters(config)
    )


def _distributions(config: Mapping[str, Any]) -> dict[str, "BaseDistribution"]:
    """Return Optuna's search space: a position for listed values, a share in [0, 1] for all others."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        _key(parameter): CategoricalDistribution(range(listed.size))
        if (listed := _listed(parameter))
        else FloatDistribution(0, 1)
        for parameter in _searched(config)
    }


def _coordinates(config: Mapping[str, Any], point: Point) -> dict[str, Any] | None:
    """Return a point in that space; None if it is outside, as points of another sweep may be."""
    coordinates: dict[str, Any] = {}
    for parameter in _searched(config):
        value = value_at(point, parameter.path, None)
        listed = _listed(parameter)
        coordinate = listed.position(value) if listed else share_below(parameter, value)
        if coordinate is None:
            return None
        coordinates[_key(parameter)] = coordinate
    return coordinates


def _value(parameter: Parameter, coordinates: Mapping[str, Any]) -> Any:
    coordinate = coordinates.get(_key(parameter), 0)
    listed = _listed(parameter)
    return listed.value(coordinate) if listed else quantile(parameter, coordinate)


def _listed(parameter: Parameter) -> Choices | None:
    return Choices(parameter.settings["values"]) if "values" in parameter.settings else None


def _searched(config: Mapping[str, Any]) -> list[Parameter]:
    return [parameter for parameter in read_parameters(config) if parameter.distribution != "constant"]


def _key(parameter: Parameter) -> str:
    return "/".join(parameter.path)
