"""The whole report of studies that are not as they should be: it says so, draws no nonsense, never fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.__main__ import ORDER
from metasweep.report.read.study import Study
from metasweep.report.sections import make
from metasweep.report.sections.section import Choices
from metasweep.report.write.data import write_data
from metasweep.report.write.interactive import THEMES, highlights, page_data
from metasweep.report.write.report import readme_text
from tests.report.figures.figure_texts import misplaced
from tests.report.made_up import GRID, logged, study_of


def without_metric(_index: int, run: dict[str, Any]) -> None:
    for key in ("val/acc", "test/acc"):
        for row in (run["summary"], *run["history"]):
            row.pop(key, None)


def of_another_program(index: int, run: dict[str, Any]) -> None:
    if index % 2:
        run.update(config={"colour": "red", "model": ["a", "list"]}, summary={"score": "high"}, history=[])


def without_a_parameter(index: int, run: dict[str, Any]) -> None:
    if index % 2:
        del run["config"]["dp"]


def everything_nan(_index: int, run: dict[str, Any]) -> None:
    for split in ("train", "val", "test"):
        logged(run, f"{split}/loss", "NaN")
        logged(run, f"{split}/acc", "NaN")


def some_infinite(index: int, run: dict[str, Any]) -> None:
    if index < 3:
        logged(run, "test/loss", "Infinity")


def words_for_numbers(index: int, run: dict[str, Any]) -> None:
    if index == 0:
        run["config"]["lr"] = "fast"
        logged(run, "test/acc", "high")
        logged(run, "val/acc", "high")


def no_history(_index: int, run: dict[str, Any]) -> None:
    run["history"] = []


def all_failed(_index: int, run: dict[str, Any]) -> None:
    run["state"] = "failed"


def no_classes(_index: int, run: dict[str, Any]) -> None:
    del run["config"]["class_counts"]


def all_alike(_index: int, run: dict[str, Any]) -> None:
    for split in ("train", "val", "test"):
        logged(run, f"{split}/acc", 0.9)
        logged(run, f"{split}/loss", 0.1)


def nothing(_index: int, _run: dict[str, Any]) -> None:
    pass


ONE_SEED = {**GRID, "seed": [1]}
ONE_RUN = {name: values[:1] for name, values in GRID.items()}
STUDIES = {
    "as it should be": (study_of(), ["24 of 24 finished", "Student's t"]),
    "one seed": (study_of(nothing, ONE_SEED), ["Fewer than 5 seeds", "one seed cannot show"]),
    "one run": (
        study_of(nothing, ONE_RUN),
        ["1 of 1 finished", "No hyper-parameter takes more than one value"],
    ),
    "no metric": (
        study_of(without_metric),
        ["No finished run has the metric val/acc", "Nothing can be said", "has a finite val/acc."],
    ),
    "another program": (
        study_of(of_another_program),
        ["12 of 24 finished", "12 finished runs have no val/acc", "0 duplicated"],
    ),
    "a parameter missing": (study_of(without_a_parameter), ["dp"]),
    "all NaN": (study_of(everything_nan), ["24 NaN (the loss became NaN or infinite)"]),
    "some infinite": (study_of(some_infinite), ["3 NaN (the loss became NaN or infinite)"]),
    "words": (study_of(words_for_numbers), ["1 finished run has no val/acc", "fast"]),
    "no history": (study_of(no_history), ["24 of 24 finished"]),
    "all failed": (study_of(all_failed), ["0 of 24 finished", "24 failed"]),
    "no classes": (study_of(no_classes), ["No run logged how many images", "baselines need"]),
    "all alike": (study_of(all_alike), ["no difference between them: nothing can be said"]),
}


@pytest.mark.parametrize("name", STUDIES)
def test_every_section_copes(name: str, tmp_path: Path) -> None:
    study, expected = STUDIES[name]
    sections = make(study, Choices(), ORDER)
    readme = readme_text(study, sections)
    for words in expected:
        assert words in readme
    assert len(sections) == len(ORDER) - 1  # no trade-offs
    assert all(section.text or section.listings for section in sections)
    for chart in (chart for section in sections for chart in section.charts):
        assert misplaced(chart.draw(theme="light")) == [], chart.name
        for theme in THEMES:
            (tmp_path / f"{chart.name}{theme}.svg").write_text("<svg/>")
    page_data(study, sections, tmp_path, Choices())
    for section in sections:
        for listing in section.listings.values():
            json.dumps(listing.rows, allow_nan=False)
            assert all("nan" not in cell.lower() for row in listing.rows for cell in row)
    write_data(study, tmp_path)
    read = pd.read_parquet(tmp_path / "runs.parquet")
    assert read["run_id"].tolist() == study.runs["run_id"].tolist()


def test_only_some_sections() -> None:
    sections = make(STUDIES["as it should be"][0], Choices(only=("findings", "dataset")), ORDER)
    assert [section.title for section in sections] == ["Data set", "Findings"]


def test_one_seed_has_no_interval_anywhere() -> None:
    study, _ = STUDIES["one seed"]
    charts = {chart.name: chart for section in make(study, Choices(), ORDER) for chart in section.charts}
    (table,) = charts["importance-test-acc"].draw.args
    assert table[["low", "high"]].isna().all(axis=None)
    listings = [listing for section in make(study, Choices(), ORDER) for listing in section.listings.values()]
    of_seeds = [listing for listing in listings if "parameter" not in listing.headers]  # others are over runs
    rows = [row for listing in of_seeds for row in listing.rows if row[0] != "random"]
    assert not any("±" in cell for row in rows for cell in row)


def test_nothing_is_claimed_that_holds_by_construction() -> None:
    alone = {**GRID, "model": ["cnn"], "dp": [0], "seed": [1]}  # of which lr explains all
    of_two = read(study_of(grid=alone))
    assert "100.00" not in of_two
    assert "edge" not in of_two  # a value of two is always the lowest or the highest
    three = {**alone, "lr": [0.1, 0.01, 0.001], "seed": [1, 2]}
    assert "lies on no edge of the grid in lr" not in read(study_of(grid=three, method="random"))
    assert "of the grid" not in read(study_of(grid=three, method="random"))


def test_the_best_of_some_configurations_is_not_the_best_of_the_grid() -> None:
    def lost(_index: int, run: dict[str, Any]) -> None:
        if run["config"]["dp"] and run["config"]["seed"] == 1:
            run["state"] = "failed"

    assert "It is the best of these 4 (of 8 that have runs) with probability" in read(study_of(lost))


def read(study: Study) -> str:
    """The report as text."""
    choices = Choices()
    return readme_text(study, make(study, choices, choices.sections))


@pytest.mark.parametrize(
    ("seconds", "said"), [(61, "61 seconds"), (90, "1.5 minutes"), (7200, "2.0 hours"), (864_000, "10 days")]
)
def test_the_page_says_how_long_all_runs_took(seconds: float, said: str) -> None:
    study = study_of()
    runs = study.runs.assign(runtime_seconds=seconds / len(study.runs))
    assert highlights(study, runs)[-1].note == f"{said} of work"
