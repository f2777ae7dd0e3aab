"""What a model scores that has learned nothing: guessing at random, or always naming the largest class."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metasweep.report.read.study import Study

SEEDS = tuple(range(1, 6))


@dataclass(frozen=True)
class Baselines:
    """Accuracies on the test set, as fractions."""

    classes: int
    test_size: int
    random_expected: float  # exact: every class is guessed equally often
    random_expected_std: float  # exact, over seeds: binomial
    random_by_seed: tuple[float, ...]  # one simulated guesser per seed
    majority_class: int  # of the training set
    majority_accuracy: float


def baselines(class_counts: Mapping[str, Sequence[int]], seeds: Sequence[int] = SEEDS) -> Baselines:
    """Both baselines from the number of images per class.

    Args:
        class_counts: split ("train", "test") -> images per class, in the order of the classes.
        seeds: one random model each.
    """
    train, test = np.asarray(class_counts["train"]), np.asarray(class_counts["test"])
    chance = 1 / test.size
    total = int(test.sum())
    majority = int(train.argmax())
    return Baselines(
        classes=test.size,
        test_size=total,
        random_expected=chance,
        random_expected_std=math.sqrt(chance * (1 - chance) / total),
        random_by_seed=tuple(random_accuracy(test, seed) for seed in seeds),
        majority_class=majority,
        majority_accuracy=float(test[majority] / total),
    )


def random_accuracy(test_counts: Sequence[int] | np.ndarray, seed: int) -> float:
    """Accuracy of one model that guesses a uniformly random class for every test image."""
    labels = np.repeat(np.arange(len(test_counts)), test_counts)
    guesses = np.random.default_rng(seed).integers(len(test_counts), size=labels.size)
    return float((guesses == labels).mean())


def chance_of(study: Study) -> float | None:
    """Return what is reached without learning, in the reported metric; None if not known."""
    return chance_level(study.class_counts) if study.reported.is_accuracy else None


def chance_level(class_counts: Mapping[str, Sequence[int]]) -> float | None:
    """Return the highest accuracy without learning: of a lucky random model or of the majority class.

    Lucky means one random model in 40, two standard deviations. None if the classes are unknown.
    """
    if not {"train", "test"} <= set(class_counts) or not sum(class_counts["test"]):
        return None
    found = baselines(class_counts, seeds=())
    return max(found.random_expected + 2 * found.random_expected_std, found.majority_accuracy)
