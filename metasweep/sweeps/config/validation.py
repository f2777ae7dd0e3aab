"""What is wrong with a sweep config, each problem with its place.

A problem is what W&B's sweep schema refuses, and also what no search could run.
"""

from collections.abc import Mapping
from itertools import chain, islice
from typing import Any

from metasweep.sweeps.config.parameter_checks import check_parameters
from metasweep.sweeps.config.problems import (
    Problem,
    Problems,
    check_choice,
    check_number,
    is_text,
    shown,
    suggestion,
    unknown_keys,
)
from metasweep.sweeps.config.steering import check_steering, has_own_space, is_steered
from metasweep.sweeps.parameters import GRID_DISTRIBUTIONS, read_parameters
from metasweep.sweeps.points import grid_size, is_grid
from metasweep.sweeps.search.hyperband import bands

METHODS = ("grid", "random", "bayes")
_MOST_PROBLEMS = 100
LARGEST_GRID = 2**63 - 1
_TEXTS = ("apiVersion", "description", "program", "job", "image_uri", "entity", "project", "name")
_IMPUTE = ("latest", "best", "worst")
_HYPERBAND = ("type", "min_iter", "max_iter", "s", "eta", "strict")
_KEYS = (
    *_TEXTS,
    *("kind", "method", "command", "run_cap", "metric", "parameters", "early_terminate"),
    *("controller", "metrics", "scheduler"),
)


def validate(config: Any) -> list[Problem]:
    """Return the problems of a sweep config, in the order of its sections. `config` may be of any type."""
    if not isinstance(config, Mapping):
        return [Problem("config", f"must be a mapping with method and parameters, not {shown(config)}")]
    found = chain(
        _check_top(config),
        _check_method(config),
        _check_metric(config),
        _check_early_terminate(config),
        check_steering(config),
        _check_parameters(config),
    )
    problems = list(islice(found, _MOST_PROBLEMS))
    if next(found, None):
        return [*problems, Problem("config", f"has over {_MOST_PROBLEMS} problems")]
    if not any(problem.severity == "error" for problem in problems):
        if is_grid(config):
            problems += _check_grid(config)
        elif not is_steered(config):
            problems += _check_search(config)
    return problems


def _check_search(config: Mapping[str, Any]) -> Problems:
    """Refuse a random or Bayesian search without a varying parameter: it would run one point forever."""
    if "run_cap" not in config and all(each.distribution == "constant" for each in read_parameters(config)):
        yield Problem("parameters", "nothing varies: give one of them values, or say how often with run_cap")


def _check_top(config: Mapping[Any, Any]) -> Problems:
    """Check the keys at the top. An unknown key that resembles no known one only gives a warning."""
    for key in config:
        if key not in _KEYS:
            hint = suggestion(key, _KEYS)
            yield Problem(str(key), f"unknown key{hint}", "error" if hint else "warning")
        elif key in _TEXTS and not is_text(config[key]):
            yield Problem(key, f"must be a text, not {shown(config[key])}")
    if config.get("kind", "sweep") != "sweep":
        yield Problem("kind", f"must be sweep, not {shown(config['kind'])}", "warning")
    if "command" in config and not isinstance(config["command"], list):
        yield Problem(
            "command", f"must be a list, such as [python, train.py], not {shown(config['command'])}"
        )
    if "run_cap" in config:
        yield from check_number("run_cap", config["run_cap"], above=0, integer=True)


def _check_method(config: Mapping[Any, Any]) -> Problems:
    if "method" in config:
        known = (*METHODS, "custom") if is_steered(config) else METHODS
        yield from check_choice("method", config["method"], known)
    elif not _has_engine(config):
        yield Problem("method", f"missing: one of {', '.join(METHODS)}")


def _has_engine(config: Mapping[Any, Any]) -> bool:
    """Return whether a scheduler searches by itself, and so needs no method."""
    scheduler = config.get("scheduler")
    return isinstance(scheduler, Mapping) and scheduler.get("engine") in ("optuna", "ax")


def _check_parameters(config: Mapping[Any, Any]) -> Problems:
    if "parameters" in config or not has_own_space(config):
        yield from check_parameters("parameters", config.get("parameters"))


def _check_metric(config: Mapping[Any, Any]) -> Problems:
    metric = config.get("metric")
    if "metric" not in config:
        if "metrics" not in config and (config.get("method") == "bayes" or "early_terminate" in config):
            yield Problem("metric", "missing: bayes and early_terminate need to know what to improve")
    elif not isinstance(metric, Mapping):
        yield Problem(
            "metric", f"must be a mapping, such as {{name: val/loss, goal: minimize}}, not {shown(metric)}"
        )
    else:
        yield from unknown_keys(
            "metric", metric, ("name", "goal", "target", "impute", "impute_while_running")
        )
        if not is_text(metric.get("name")):
            yield Problem("metric.name", f"must be the name of a metric, not {shown(metric.get('name'))}")
        yield from check_choice("metric.goal", metric.get("goal", "minimize"), ("minimize", "maximize"))
        yield from check_number("metric.target", metric.get("target", 0))
        yield from check_choice("metric.impute", metric.get("impute", "worst"), _IMPUTE)
        while_running = metric.get("impute_while_running", "false")
        yield from check_choice("metric.impute_while_running", while_running, (*_IMPUTE, "false"))


def _check_early_terminate(config: Mapping[Any, Any]) -> Problems:
    if "early_terminate" not in config:
        return
    section = config["early_terminate"]
    if not isinstance(section, Mapping):
        yield Problem(
            "early_terminate",
            f"must be a mapping, such as {{type: hyperband, min_iter: 3}}, not {shown(section)}",
        )
        return
    problems = list(_check_hyperband(section))
    yield from problems
    if not problems and not bands(section):
        yield Problem("early_terminate", "stops nothing: max_iter / eta is below 1")


def _check_hyperband(section: Mapping[Any, Any]) -> Problems:
    place = "early_terminate"
    yield from unknown_keys(place, section, _HYPERBAND)
    yield from check_choice(f"{place}.type", section.get("type"), ("hyperband",))
    for key in ("min_iter", "max_iter", "s"):
        if key in section:
            yield from check_number(f"{place}.{key}", section[key], above=0, integer=True)
    yield from check_number(f"{place}.eta", section.get("eta", 3), above=1)
    if not isinstance(section.get("strict", True), bool):
        yield Problem(f"{place}.strict", f"must be true or false, not {shown(section['strict'])}")
    if "max_iter" in section and "s" not in section:
        yield Problem(f"{place}.s", "missing: max_iter needs the number of times to stop runs")
    elif "min_iter" not in section and "max_iter" not in section:
        yield Problem(place, "needs min_iter, or max_iter and s")


def _check_grid(config: Mapping[str, Any]) -> Problems:
    """Check that a grid has only countable parameters, and no more points than a database can count."""
    problems = [
        Problem(
            "parameters." + ".parameters.".join(parameter.path),
            f"a grid needs {', '.join(GRID_DISTRIBUTIONS)}, not {parameter.distribution}",
        )
        for parameter in read_parameters(config)
        if parameter.distribution not in GRID_DISTRIBUTIONS
    ]
    yield from problems
    if not problems and (grid_size(config) or 0) > LARGEST_GRID:
        yield Problem("parameters", "the grid has more than 2^63 points")
