"""Sweeps whose runs a program outside the server chooses: a local scheduler, or W&B's local controller."""

from collections.abc import Mapping
from typing import Any

from metasweep.sweeps.config.problems import Problem, Problems, check_choice, is_text, shown, unknown_keys

ENGINES = ("wandb", "optuna", "ax")
_TEXTS = ("source", "optimizer", "search_space")


def is_steered(config: Mapping[str, Any]) -> bool:
    """Return whether a program queues the runs of a sweep, and the server chooses none."""
    controller = config.get("controller")
    return "scheduler" in config or (isinstance(controller, Mapping) and controller.get("type") == "local")


def has_own_space(config: Mapping[str, Any]) -> bool:
    """Return whether a function of the user defines the search space, in place of `parameters`."""
    scheduler = config.get("scheduler")
    return isinstance(scheduler, Mapping) and "search_space" in scheduler


def check_steering(config: Mapping[Any, Any]) -> Problems:
    """The problems of `scheduler`, `metrics` and `controller`."""
    if "controller" in config and config["controller"] not in ({"type": "cloud"}, {"type": "local"}):
        yield Problem("controller", "must be {type: local} or {type: cloud}")
    if "scheduler" in config:
        yield from _check_scheduler(config["scheduler"])
    if "metrics" in config:
        yield from _check_metrics(config)


def _check_scheduler(section: Any) -> Problems:
    if not isinstance(section, Mapping):
        yield Problem("scheduler", f"must be a mapping, such as {{engine: optuna}}, not {shown(section)}")
        return
    yield from unknown_keys("scheduler", section, ("engine", *_TEXTS))
    yield from check_choice("scheduler.engine", section.get("engine"), ENGINES)
    for key in _TEXTS:
        if key in section and not is_text(section[key]):
            yield Problem(f"scheduler.{key}", f"must be a text, not {shown(section[key])}")


def _check_metrics(config: Mapping[Any, Any]) -> Problems:
    if "scheduler" not in config:
        yield Problem("metrics", "several metrics need a scheduler, such as {engine: optuna}")
    if "metric" in config:
        yield Problem("metrics", "metric and metrics exclude each other")
    metrics = config["metrics"]
    if not isinstance(metrics, list) or not metrics:
        yield Problem("metrics", f"must be a list, such as [{{name: val/loss}}], not {shown(metrics)}")
        return
    for number, metric in enumerate(metrics):
        place = f"metrics.{number}"
        if not isinstance(metric, Mapping) or not is_text(metric.get("name")):
            yield Problem(place, f"must be a mapping with the name of a metric, not {shown(metric)}")
        else:
            yield from unknown_keys(place, metric, ("name", "goal", "target"))
            goal = metric.get("goal", "minimize")
            yield from check_choice(f"{place}.goal", goal, ("minimize", "maximize"))
