"""Metrics as the report shows them: their kind, their unit, and which end is better.

The sweep names its metric. The rest follows from names and values, or from the options `--metric`, `--goal`
and `--unit`. The provenance section lists what was guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from metasweep.report.base.words import fixed, percent
from metasweep.sweeps.metric import Goal, Metric

Kind = Literal["accuracy", "loss", "other"]
Split = Literal["train", "val", "test"]
SPLITS: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "eval"),
    "test": ("test", "testing"),
}
SPLIT_WORDS: dict[Split, str] = {"train": "training", "val": "validation", "test": "test"}
_WORDS = "|".join(word for words in SPLITS.values() for word in words)
_BEFORE = re.compile(rf"^({_WORDS})([/_.\-: ]+)(.+)$", re.IGNORECASE)
_AFTER = re.compile(rf"^(.+?)([/_.\-: ]+)({_WORDS})$", re.IGNORECASE)
_ACCURACY = re.compile(r"(^|[^a-z])(acc|accuracy|top[-_]?[15])([^a-z]|$)", re.IGNORECASE)
_LOSS = re.compile(
    r"loss|error|(^|[^a-z])(err|mse|mae|rmse|mape|nll|bce|ce|ppl|perplexity|wer|cer|fid|regret|cost"
    r"|latency|time|seconds|memory|energy)([^a-z]|$)",
    re.IGNORECASE,
)
_GAIN = re.compile(
    r"reward|return|score|(^|[^a-z])(auc|auroc|f1|map|iou|miou|dice|bleu|rouge|r2|precision|recall|psnr|ssim"
    r"|throughput|success|win_rate|elo|mcc|kappa)([^a-z]|$)",
    re.IGNORECASE,
)
FALLBACKS = ("val/acc", "val_acc", "val/accuracy", "val_accuracy", "test/acc", "accuracy", "acc")
LEAVES = {"acc": "accuracy", "lr": "learning rate"}


@dataclass(frozen=True)
class Quantity:
    """A metric with what is needed to show it."""

    name: str  # as it was logged
    kind: Kind = "other"
    goal: Goal = "minimize"
    unit: str = ""  # after the numbers: "" for none
    factor: float = 1.0  # logged values are divided by this: 100 for accuracies in per cent
    decimals: int = 3  # of its numbers, unless it is an accuracy
    note: str = ""  # how its kind was found, if that was a guess

    @property
    def column(self) -> str:
        """Its column in `Study.runs` and `Study.history`. No other name can be the same."""
        return self.name if "/" in self.name and ":" not in self.name else f"summary:{self.name}"

    @property
    def is_accuracy(self) -> bool:
        """Return whether it is a fraction that is shown in per cent."""
        return self.kind == "accuracy"

    @property
    def maximize(self) -> bool:
        """Return whether large is good."""
        return self.goal == "maximize"

    @property
    def sign(self) -> float:
        """The factor that makes large good: 1 or -1."""
        return 1.0 if self.maximize else -1.0

    @property
    def split(self) -> Split | None:
        """The part of the data that it is measured on, by its name."""
        return split_of(self.name)

    @property
    def words(self) -> str:
        """Its name in a sentence: `test accuracy`, `validation loss`, `episode reward`."""
        split, leaf = self.split, _leaf(self.name)
        plain = LEAVES.get(leaf.lower(), re.sub(r"[/_\-]+", " ", leaf))
        return f"{SPLIT_WORDS[split]} {plain}" if split else plain

    @property
    def title(self) -> str:
        """The same as a heading."""
        return self.words[:1].upper() + self.words[1:]

    @property
    def heading(self) -> str:
        """The heading of a column of its numbers: `test %`, `val/loss`."""
        if self.is_accuracy and self.split and _leaf(self.name).lower() in ("acc", "accuracy"):
            return f"{self.split} %"
        unit = "%" if self.is_accuracy else self.unit
        return f"{self.name} ({unit})" if unit else self.name

    def show(self, number: float, extra: int = 0) -> str:
        """Return a value without its unit, with `extra` more decimals than usual."""
        if self.is_accuracy:
            return percent(number, 2 + extra)
        return fixed(number, self.decimals + extra)

    def amount(self, number: float) -> str:
        """A value with its unit."""
        return f"{self.show(number)}{self.after}"

    def difference(self, number: float) -> str:
        """A difference of two values with its unit: of accuracies in percentage points."""
        unit = "points" if self.is_accuracy else self.unit
        return f"{self.show(number)} {unit}".strip()

    @property
    def after(self) -> str:
        """The unit with a space before it."""
        unit = "%" if self.is_accuracy else self.unit
        return f" {unit}" if unit else ""

    def better(self, one: float, other: float) -> bool:
        """Return whether one value is better than the other."""
        return self.sign * one > self.sign * other


@dataclass(frozen=True)
class Asked:
    """What the user says about the metric, instead of a guess."""

    metric: str = ""
    goal: Goal | None = None
    unit: str = ""  # "fraction", "percent", or any other text, which follows the numbers


def split_of(name: str) -> Split | None:
    """The part of the data that a metric is named after."""
    found = _BEFORE.match(name) or _AFTER.match(name)
    if found is None:
        return None
    word = (found[1] if _BEFORE.match(name) else found[3]).lower()
    return next(split for split, words in SPLITS.items() if word in words)


def counterparts(name: str, split: Split, leaf: str | None = None) -> list[str]:
    """Return names that the same metric of another part of the data may have, the most probable first.

    Args:
        name: of the metric, such as `val/acc`.
        split: the other part.
        leaf: another metric, such as `loss`, in place of `acc`.
    """
    own = leaf or _leaf(name)
    found = []
    before, after = _BEFORE.match(name), _AFTER.match(name)
    for word in SPLITS[split]:
        if before:
            found.append(f"{word}{before[2]}{own}")
        elif after:
            found.append(f"{own}{after[2]}{word}")
    for word in SPLITS[split]:
        found += [f"{word}/{own}", f"{word}_{own}", f"{own}/{word}", f"{own}_{word}"]
    return list(dict.fromkeys(found))


def _leaf(name: str) -> str:
    if found := _BEFORE.match(name):
        return found[3]
    if found := _AFTER.match(name):
        return found[1]
    return name


def quantity(name: str, values: Iterable[float], goal: Goal | None = None, unit: str = "") -> Quantity:
    """Return a metric whose kind follows from its name and values.

    An accuracy is a fraction, or in per cent if some value is above 1 (and none above 100).
    """
    known = np.array([value for value in values if math.isfinite(value)], dtype=float)
    notes = []
    by_name = _goal_by_name(name)
    if goal is None:
        goal = by_name or "minimize"
        notes.append(f"its goal was taken to be {goal}, " + ("by its name" if by_name else "W&B's default"))
    kind: Kind = "loss" if _LOSS.search(name) and not _ACCURACY.search(name) else "other"
    factor = 1.0
    if (_ACCURACY.search(name) or unit in ("fraction", "percent")) and kind != "loss":
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
        if unit == "percent" or (unit != "fraction" and 1 < high <= 100 and low >= 0):
            kind, factor = "accuracy", 100.0
            notes.append("logged in per cent" + ("" if unit else ", by its values"))
        elif (low >= 0 and high <= 1) or unit == "fraction":
            kind = "accuracy"
        elif unit not in ("fraction", "percent"):
            notes.append("not shown as an accuracy: its values are not between 0 and 1, nor 0 and 100")
    shown_unit = "" if unit in ("fraction", "percent") else unit
    return Quantity(name, kind, goal, shown_unit, factor, _decimals(known), "; ".join(notes))


def _goal_by_name(name: str) -> Goal | None:
    if _ACCURACY.search(name) or (_GAIN.search(name) and not _LOSS.search(name)):
        return "maximize"
    return "minimize" if _LOSS.search(name) else None


def _decimals(values: np.ndarray) -> int:
    """Return the number of decimals that shows four significant digits of a typical value."""
    sizes = np.abs(values[values != 0])
    if not sizes.size:
        return 3
    return int(min(max(3 - math.floor(math.log10(float(np.median(sizes)))), 0), 12))


def sweep_metrics(configs: Sequence[Mapping[str, Any]]) -> list[tuple[str, Goal | None]]:
    """Return the metrics that sweeps name, with their goals, each name once.

    `metric` comes first, then `metrics`, which the newest sweeps of W&B may have.
    """
    found: dict[str, Goal | None] = {}
    for config in configs:
        several = config.get("metrics")
        for section in [config.get("metric"), *(several if isinstance(several, list) else [])]:
            if isinstance(section, Mapping) and (named := Metric.of({"metric": section})):
                stated = section.get("goal")
                found.setdefault(named.name, named.goal if stated in ("minimize", "maximize") else None)
    return list(found.items())
