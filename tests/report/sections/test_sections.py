"""The whole report of studies that are not as they should be: it says so, draws no nonsense, never fails."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.__main__ import ORDER
from metasweep.report.read.records import RunRecord, assemble
from metasweep.report.read.study import Study, Sweep
from metasweep.report.sections import make
from metasweep.report.sections.section import Choices
from metasweep.report.write.data import write_data
from metasweep.report.write.interactive import THEMES, page_data
from metasweep.report.write.report import readme_text
from tests.report.figures.figure_texts import misplaced

GRID = {"model": ["dense", "cnn"], "lr": [0.1, 0.001], "dp": [0, 0.5], "seed": [1, 2, 3]}
CLASSES = {"train": [60, 40], "val": [6, 4], "test": [10, 10]}
Change = Callable[[int, dict[str, Any]], None]  # index and parts of a run, changed in place


def made_up_run(index: int, point: Mapping[str, Any]) -> dict[str, Any]:
    """A run as the API tells it: `state`, `config`, `summary`, `history`."""
    reached = 0.5 if point["lr"] < 0.01 else (0.96 if point["model"] == "cnn" else 0.9) - 0.02 * point["dp"]
    history = []
    for epoch in (1, 2):
        accuracy = reached - 0.1 * (2 - epoch) + 0.001 * point["seed"] + 0.0001 * (index % 5)
        row = {f"{split}/acc": accuracy for split in ("train", "val", "test")}
        row |= {f"{split}/loss": 1 - accuracy for split in ("train", "val", "test")}
        history.append({**row, "epoch": epoch, "_step": 10 * epoch})
    config = {**point, "class_counts": CLASSES, "class_names": ["no", "yes"]}
    return {"state": "finished", "config": config, "summary": dict(history[-1]), "history": history}


def study_of(change: Change = lambda _index, _run: None, grid: Mapping[str, list[Any]] = GRID) -> Study:
    """The runs of a grid, each changed, put together as what the API returned is."""
    config = {
        "method": "grid",
        "metric": {"name": "val/acc", "goal": "maximize"},
        "parameters": {name: {"values": values} for name, values in grid.items()},
    }
    url = "http://127.0.0.1:8080/team/toy"
    sweep = Sweep("team/toy/abc", "toy", f"{url}/sweeps/abc", "FINISHED", config)
    records, histories = [], {}
    for index, values in enumerate(itertools.product(*grid.values())):
        run = made_up_run(index, dict(zip(grid, values, strict=True)))
        change(index, run)
        name, time = f"run{index:03}", f"2026-01-01T00:{index:02}:00Z"
        records.append(
            RunRecord(
                run_id=name,
                name=name,
                url=f"{url}/runs/{name}",
                sweep_id="abc",
                state=run["state"],
                created_at=time,
                updated_at=time.replace(":00Z", ":30Z"),
                config=run["config"],
                summary=run["summary"],
                commit="",
            )
        )
        histories[name] = run["history"]
    return assemble([sweep], records, histories)


def logged(run: dict[str, Any], key: str, value: Any) -> None:
    """As if the run had always logged this value under a key."""
    for row in (run["summary"], *run["history"]):
        row[key] = value


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
    "one seed": (study_of(nothing, ONE_SEED), ["Fewer than 5 seeds", "one seed cannot tell"]),
    "one run": (
        study_of(nothing, ONE_RUN),
        ["1 of 1 finished", "No hyper-parameter takes more than one value"],
    ),
    "no metric": (
        study_of(without_metric),
        ["No finished run has the metric val/acc", "Nothing can be told"],
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
    "all alike": (study_of(all_alike), ["no difference between them: nothing can be told"]),
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


def test_the_size_of_the_test_set_is_answered_by_its_sweep() -> None:
    """The spread over seeds is made as large as the choice of the images makes it."""

    def drawn(_index: int, run: dict[str, Any]) -> None:
        share, seed = run["config"]["test_size"], run["config"]["seed"]
        noise = 0.004 * (seed - 5.5) / 3 / math.sqrt(share)
        logged(run, "test/acc", 0.9 + noise)

    grid = {"model": ["cnn"], "lr": [0.1], "dp": [0], "test_size": [0.01, 1], "seed": list(range(1, 11))}
    (asked,) = make(study_of(drawn, grid), Choices(only=("questions",)), ORDER)
    answer = next(part for part in asked.text.split("\n\n") if "size of the test set" in part)
    assert "The spread over seeds depends on test_size" in answer
    assert "question-test_size" in [chart.name for chart in asked.charts]
    (unasked,) = make(STUDIES["as it should be"][0], Choices(only=("questions",)), ORDER)
    assert "run `sweeps/test-size.yaml`" in unasked.text


@pytest.mark.parametrize("name", ["batch-size", "epochs", "test-size", "lr-decay"])
def test_every_question_has_its_sweep(name: str) -> None:
    (section,) = make(STUDIES["as it should be"][0], Choices(only=("questions",)), ORDER)
    assert f"`sweeps/{name}.yaml`" in section.text
    assert (Path(__file__).parents[3] / "sweeps" / f"{name}.yaml").is_file()
