"""The canary: one run of a sweep in a job of its own, before the other jobs start.

`python -m metasweep.cluster.submitting.canary SWEEP COMMAND...` is that job's program. It runs the command,
an agent for one run, and ends with 0 only if a run of the sweep has then finished and logged the sweep's
metric. What the run took is in the agent's tally.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import click

from metasweep.batch.exit_codes import DONE, FAULT
from metasweep.batch.need import Need
from metasweep.client.account import resolve
from metasweep.client.protocol import Client
from metasweep.client.runs import read_runs
from metasweep.client.sweep import open_sweep
from metasweep.sweeps.states import FINISHED

BASE = 1.0  # GB beside the runs: the agent, the process that they are forked from, wandb's service


def main(sweep: str, command: list[str]) -> int:
    """Run the command, and check its result; return the exit status."""
    agent = subprocess.Popen(command)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda number, _: agent.send_signal(number))
    status = agent.wait()
    if status:
        return status if status > 0 else 128 - status
    try:
        problem = find_problem(sweep)
    except click.ClickException as error:
        problem = error.format_message()
    if problem:
        print(f"the canary failed: {problem}", file=sys.stderr, flush=True)
    return FAULT if problem else DONE


def find_problem(name: str) -> str | None:
    """Return why the other jobs should not start; None if a run has finished and logged the metric."""
    account = resolve(os.environ, Path.cwd())
    sweep = open_sweep(Client(account), name, None, None)
    import wandb

    api = wandb.Api({"base_url": account.base_url}, timeout=30, api_key=account.api_key)
    project, _, sweep_id = str(sweep.name).rpartition("/")
    finished = [run for run in read_runs(api, project, {"sweep": sweep_id}) if run.state == FINISHED]
    if not finished:
        return "no run of the sweep has finished"
    metric = sweep.metric
    if metric and all(metric.of_run(run.summary_metrics or {}) is None for run in finished):
        known = ", ".join(sorted(key for key in finished[0].summary_metrics or {} if not key.startswith("_")))
        return f"the sweep's metric {metric.name} was not logged; there are {known or 'no metrics'}"
    return None


def suggest_memory(need: Need, workers: int) -> str:
    """Return the memory for a job with so many workers."""
    return f"{math.ceil(BASE + workers * need.allowed_memory / 1024)}gb"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
