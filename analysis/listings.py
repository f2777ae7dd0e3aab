"""The study's own tables: baselines, and images per class."""

from __future__ import annotations

from dataclasses import asdict

from metasweep.report.base.listing import Listing
from metasweep.report.base.words import percent
from metasweep.report.measure.baselines import Baselines
from metasweep.report.read.study import Study


def baseline_listing(found: Baselines, decimals: int = 2) -> Listing:
    """Both baselines."""
    seeds = ", ".join(percent(accuracy, decimals) for accuracy in found.random_by_seed)
    exact = percent(found.random_expected, decimals)
    spread = percent(found.random_expected_std, decimals)
    records = [
        {"baseline": "random, exact", "test_acc": found.random_expected, "std": found.random_expected_std},
        *({"baseline": "random", "seed": i, "test_acc": a} for i, a in enumerate(found.random_by_seed, 1)),
        {"baseline": "majority", "class": found.majority_class, "test_acc": found.majority_accuracy},
    ]
    return Listing(
        headers=["baseline", "test %", "std over seeds"],
        rows=[
            ["random, expected", exact, spread],
            ["majority class", percent(found.majority_accuracy, decimals), ""],
        ],
        records=records,
        notes=[
            f"Random models, one per seed: {seeds} %.",
            f"{found.test_size} test images, {found.classes} classes; "
            f"the largest class of the training set is number {found.majority_class}.",
        ],
        data=asdict(found),
    )


def dataset_listing(study: Study) -> Listing:
    """Images per class and split."""
    splits = list(study.class_counts)
    rows = [
        [name, *(str(study.class_counts[split][index]) for split in splits)]
        for index, name in enumerate(study.class_names)
    ]
    totals = ["all", *(str(sum(study.class_counts[split])) for split in splits)]
    records = [
        {"class": name, **{split: study.class_counts[split][index] for split in splits}}
        for index, name in enumerate(study.class_names)
    ]
    return Listing(headers=["class", *splits], rows=[*rows, totals], records=records)
