"""The section on the data set, with its sample images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from analysis.__main__ import ORDER
from metasweep.report.sections import make
from metasweep.report.sections.section import Choices
from tests.report.made_up import CLASSES, Change, study_of


def test_sample_images_come_from_the_data_set_and_are_missed_when_it_is_not_here(tmp_path: Path) -> None:
    digits = [str(number) for number in range(10)]

    def of(dataset: str) -> Change:
        def change(_index: int, run: dict[str, Any]) -> None:
            counts = {split: [10] * 10 for split in CLASSES}
            run["config"].update(dataset=dataset, data_dir="", class_counts=counts, class_names=digits)

        return change

    (section,) = make(study_of(of("digits")), Choices(only=("dataset",)), ORDER)
    (images,) = next(chart for chart in section.charts if chart.name == "samples").draw.args
    assert list(images) == digits
    assert all(stack.shape == (4, 8, 8) and 0 <= stack.min() < stack.max() <= 1 for stack in images.values())
    zero, one = (images[name].mean(axis=0) for name in "01")
    assert zero[3:5, 3:5].mean() < one[3:5, 3:5].mean()  # a nought is hollow
    (section,) = make(study_of(of("mnist")), Choices(only=("dataset",), extra={"data_dir": tmp_path}), ORDER)
    assert [chart.name for chart in section.charts] == ["classes"]
    assert "The images of mnist are not on this machine: `--data-dir` says" in section.text
