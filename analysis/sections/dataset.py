"""1. The data set: images per class."""

from __future__ import annotations

from functools import partial

from analysis import figures
from analysis.listings import dataset_listing
from analysis.section import Chart, Choices, Section
from analysis.study import Study

TITLE = "Data set"
WORDS = {"train": "Training", "val": "Validation", "test": "Test"}


def section(study: Study, _choices: Choices) -> Section:
    """Sizes, and a histogram of the classes of every split."""
    counts = study.class_counts
    if not counts:
        return Section(TITLE, "No run logged how many images its classes have.")
    sizes = ", ".join(f"{sum(row):,} {WORDS.get(split, split).lower()}" for split, row in counts.items())
    chart = Chart(
        "classes",
        "Images per class",
        partial(figures.class_histograms, counts, study.class_names),
    )
    text = f"{len(study.class_names)} classes; {sizes} images."
    return Section(TITLE, text, (chart,), {"classes": dataset_listing(study)})
