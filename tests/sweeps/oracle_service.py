"""Answers questions with W&B's `sweeps` package: a JSON list [question, arguments…] a line, an answer a line.

Runs in the oracle's own environment.
"""

import json
import logging
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
logging.disable()

from sweeps.config.cfg import schema_violations_from_proposed_config  # noqa: E402
from sweeps.params import HyperParameter  # noqa: E402

from sweeps import RunState, SweepRun, next_runs, stop_runs  # noqa: E402


def violations(config):
    """What the service warns of; a config at which it stumbles has one violation too."""
    try:
        return schema_violations_from_proposed_config(config)
    except Exception as error:  # noqa: BLE001 - whatever it is, the config is not in order
        return [repr(error)]


def points(config, most):
    """The points of a grid, in order."""
    runs = [run for run in next_runs(config, [], n=most) if run is not None]
    return [{name: entry["value"] for name, entry in run.config.items()} for run in runs]


def quantiles(spec, shares):
    """The values of a parameter below which these shares of its distribution lie."""
    parameter = HyperParameter("x", spec)
    return [parameter.ppf(share) for share in shares]


def stopped(config, histories):
    """The numbers of the running runs with these histories that hyperband stops."""
    name = config["metric"]["name"]
    runs = [
        SweepRun(name=str(i), state=RunState.running, history=[{name: value} for value in history])
        for i, history in enumerate(histories)
    ]
    return sorted(int(run.name) for run in stop_runs(config, runs))


QUESTIONS = {question.__name__: question for question in (violations, points, quantiles, stopped)}

if __name__ == "__main__":
    for line in sys.stdin:
        question, *arguments = json.loads(line)
        answer = QUESTIONS[question](*arguments)
        print(json.dumps(answer, default=lambda value: np.asarray(value).tolist()), flush=True)
