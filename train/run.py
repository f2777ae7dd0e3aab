"""One training run, from its options to its last logged row."""

from __future__ import annotations

import math
import time
from typing import Any

import wandb

from train import data, facts, progress, tracking
from train.batched import together
from train.batched.member import Member
from train.config import Config
from train.errors import TrainError
from train.loop import Evaluation, Training, TrainingBase
from train.resuming import checkpoint, preemption


def train(config: Config) -> None:
    """Do the run that ``config`` describes, or the rest of it.

    Raises `preemption.Preempted` if it was told to stop.
    """
    with preemption.watch() as told:
        checkpoint.make_folder(config)
        training, described = begin(config)
        described |= {"class_names": training.data.classes, "class_counts": training.data.class_counts}
        with (
            tracking.start(config, described) as run,
            progress.show(config.epochs * training.steps_per_epoch) as display,
        ):
            name = checkpoint.name_of(config, run.sweep_id, run.id)
            fit = Fit(training, run, checkpoint.Checkpoint(config, name), display, told)
            fit.resume()
            fit.wait_for_turn()
            fit.work()
        fit.checkpoint.remove()


def begin(config: Config) -> tuple[TrainingBase, dict[str, Any]]:
    """Return the training, here or in the trainer process, and the facts of its device and network."""
    if address := together.address():
        member = Member(config, data.load_for(config), address)
        return member, member.facts
    device = facts.choose_device(config)
    dtype = facts.choose_dtype(config, device)
    training = Training(config, data.load_for(config).to(device), device, dtype)
    return training, facts.describe(training.model, device, dtype)


class Fit:
    """A training with its logging, progress, checkpoint and preemption."""

    def __init__(
        self,
        training: TrainingBase,
        run: wandb.Run,
        kept: checkpoint.Checkpoint,
        display: progress.Progress,
        told: preemption.Preemption,
    ) -> None:
        self.training, self.run, self.display = training, run, display
        self.journal = tracking.Journal(run)
        self.checkpoint, self.told = kept, told

    def resume(self) -> None:
        """Return to where an earlier process stopped, of this run or of a lost run of the same point."""
        try:
            found = self.checkpoint.load()
        except TrainError as error:
            self.display.line(f"{error.format_message()}: starting from scratch")
            return
        if found:
            self.training.restore(found["training"])
            self.journal.replay(found["rows"])
            self.display.line(f"going on at step {self.training.step}, from a checkpoint")
            if found["run"] != self.run.id:
                self.run.summary.update({"continued_from": found["run"], "continued_at": self.training.step})

    def wait_for_turn(self) -> None:
        """Wait for the device; stop if told to."""
        while not self.training.has_turn():
            self.leave_if_told()

    def work(self) -> None:
        """Train all epochs, and evaluate after each. A loss that is not finite ends the run early."""
        training, epochs = self.training, self.training.config.epochs
        while True:
            epoch = training.epochs_done + 1
            row, diverged = self.train_epoch()
            val, test = training.evaluate_epoch()
            row |= tracking.epoch_row(epoch, val, test)
            self.display.line(progress.epoch_line(epoch, epochs, val, test, row["images_per_second"]))
            if diverged:
                self.display.line(f"diverged at step {training.step}: the loss is no longer finite")
            if diverged or epoch == epochs:
                break
            self.journal.log(training.step, row)
            self.save()
            self.leave_if_told()
        training.close()
        self.end(row, test, diverged)

    def train_epoch(self) -> tuple[dict[str, Any], bool]:
        """Train one epoch, or until the loss is not finite.

        Return the row of its end, and whether that happened.
        """
        training = self.training
        started, first_step = time.perf_counter(), training.step
        for interval in training.train_epoch():
            self.display.interval(interval)
            row: dict[str, Any] = tracking.interval_row(interval)
            diverged = not math.isfinite(interval.loss)
            if diverged or training.between_epochs:
                break
            self.journal.log(interval.step, row)
            self.leave_if_told(unsaved=True)
        images = min((training.step - first_step) * training.config.batch_size, len(training.data.train))
        return row | {"images_per_second": images / (time.perf_counter() - started)}, diverged

    def leave_if_told(self, unsaved: bool = False) -> None:
        """End the run, to be continued later, if the batch system asks for it."""
        if self.told.asked:
            if unsaved:
                self.save()
            self.display.line(f"told to stop at step {self.training.step}")
            self.run.mark_preempting()
            raise preemption.Preempted

    def save(self) -> None:
        """Save what is needed to continue from here. A full disk does not stop the run."""
        try:
            rows = self.journal.rows
            self.checkpoint.save({"run": self.run.id, "training": self.training.state(), "rows": rows})
        except OSError as error:
            self.display.line(f"no checkpoint at step {self.training.step}: {error}")

    def end(self, row: dict[str, Any], test: Evaluation, diverged: bool) -> None:
        """Log the last row and what is known only at the end."""
        classes = self.training.data.classes
        self.journal.log(self.training.step, row | tracking.confusion_page(test, classes))
        self.run.summary.update(row | {"diverged": diverged, "confusion": test.confusion.tolist()})
