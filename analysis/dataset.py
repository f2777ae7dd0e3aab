"""The data set: images per class, and some of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from analysis.images import sample_images
from analysis.listings import dataset_listing
from metasweep.report import figures
from metasweep.report.base.words import in_markdown
from metasweep.report.read.study import Study
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "Data set"
WORDS = {"train": "Training", "val": "Validation", "test": "Test"}


def section(study: Study, choices: Choices) -> Section:
    """Sizes, a histogram of the classes of every split, and sample images of each class."""
    counts = study.class_counts
    if not counts:
        return Section(TITLE, "No run logged how many images its classes have.")
    sizes = ", ".join(f"{sum(row):,} {WORDS.get(split, split).lower()}" for split, row in counts.items())
    draw = partial(figures.class_histograms, counts, study.class_names)
    text = [f"{len(study.class_names)} classes; {sizes} images."]
    charts = [Chart("classes", "Images per class", draw)]
    samples = _samples(study, choices)
    if samples:
        charts.append(samples)
    elif study.dataset:
        text.append(
            f"The images of {in_markdown(study.dataset)} are not on this machine: "
            "`--data-dir` says where they are."
        )
    return Section(TITLE, "\n\n".join(text), tuple(charts), {"classes": dataset_listing(study)})


def _samples(study: Study, choices: Choices) -> Chart | None:
    folder = choices.extra.get("data_dir") or Path(study.data_dir)
    images = sample_images(study.dataset, folder, study.class_names)
    if not any(len(stack) for stack in images.values()):
        return None
    title = "Sample images of each class"
    return Chart("samples", title, partial(figures.samples, images, title=title))
