"""The run in Weights & Biases: start it, log rows, end it."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any

import wandb

from train import confusion
from train.config import Config
from train.errors import TrainError
from train.loop import Evaluation, Interval

# Not every client from 0.19 on knows all of these settings; unknown ones are skipped. An environment variable
# WANDB_<NAME> takes precedence.
SETTINGS = {
    # Seconds. A killed run loses what was not yet written to its folder, by default up to 15 s of it.
    "x_transaction_log_flush_interval": 1,
    # The list of installed packages is the same in every run of a sweep, and takes 30 ms in each.
    "x_save_requirements": False,
}


def start(config: Config, facts: dict[str, Any]) -> wandb.Run:
    """Begin the run. Its config holds every option and ``facts``. Use it as a context manager."""
    try:
        settings = wandb.Settings(**known_settings())
        # A preempted run is offered again under its id, and continues its history.
        return wandb.init(config=asdict(config) | facts, settings=settings, resume="allow")
    except wandb.Error as error:
        raise TrainError(explain(error)) from error


def explain(error: wandb.Error) -> str:
    """Return in one line why the run could not start and what to do."""
    reason = " ".join(str(error).split()).partition(" Consider increasing")[0]
    server = os.environ.get("WANDB_BASE_URL", "W&B")
    return f"no run at {server}: {reason} (WANDB_MODE=offline needs no server and no key)"


def known_settings() -> dict[str, Any]:
    """Return the `SETTINGS` that the installed client knows and the environment does not set."""
    known = wandb.Settings.model_fields
    return {
        name: value
        for name, value in SETTINGS.items()
        if name in known and f"WANDB_{name.upper()}" not in os.environ
    }


class Journal:
    """The history of a run. A row is logged as a whole, so a killed run never leaves part of one."""

    def __init__(self, run: wandb.Run) -> None:
        self.rows: list[tuple[int, dict[str, Any]]] = []
        """Steps and values of everything logged so far, including earlier processes of this run."""
        self._run = run

    def log(self, step: int, row: dict[str, Any]) -> None:
        """Log a row at the number of steps done, the x axis of every chart.

        If an earlier process of this run has already logged that step, nothing is sent.
        """
        self.rows.append((step, row))
        if step >= self._run.starting_step:
            self._run.log(row, step=step)

    def replay(self, rows: list[tuple[int, dict[str, Any]]]) -> None:
        """Log the rows of an earlier process again, since its last ones may not have been sent."""
        for step, row in rows:
            self.log(step, row)


def interval_row(interval: Interval) -> dict[str, float]:
    """The training means of a logging interval."""
    return {"train/loss": interval.loss, "train/acc": interval.accuracy}


def epoch_row(epoch: int, val: Evaluation, test: Evaluation) -> dict[str, float]:
    """Return the results of an epoch."""
    return {
        "epoch": epoch,
        "val/loss": val.loss,
        "val/acc": val.accuracy,
        "test/loss": test.loss,
        "test/acc": test.accuracy,
    }


def confusion_page(test: Evaluation, classes: tuple[str, ...]) -> dict[str, wandb.Html]:
    """Return the confusion matrix of the test set.

    It is a web page, one small file, and its counts go into the summary. A W&B table would be an artifact,
    whose six requests take longer than everything else that the run sends.
    """
    return {"test/confusion": wandb.Html(confusion.page(test.confusion, classes), inject=False)}
