"""The results table on studies whose truth is known, complete and not."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from metasweep.report.base.errors import AnalysisError
from metasweep.report.measure.baselines import baselines, chance_level
from metasweep.report.measure.choosing.decision import decide
from metasweep.report.measure.choosing.table import results_table
from metasweep.report.measure.status import completeness
from metasweep.report.read.records import repeated
from metasweep.report.read.study import Study
from metasweep.report.sections.listings import results
from metasweep.report.write.formats import FORMATS
from tests.report.synthetic import MNIST_TEST_COUNTS, MNIST_TRAIN_COUNTS, synthetic_study


def with_runs(study: Study, runs: pd.DataFrame) -> Study:
    """The study with other runs, with duplicates marked again."""
    runs = runs.reset_index(drop=True)
    return replace(study, runs=runs.assign(duplicate=repeated(runs)))


def fixed_accuracies(best: dict[str, float]) -> Study:
    """Every configuration at 0.5, those with dp 0, SGD and lr 0.1 of each model at a mean of their own."""
    study = synthetic_study()
    runs = study.runs
    runs["val/acc"] = runs["test/acc"] = 0.5
    for model, mean in best.items():
        rows = (
            (runs["model"] == model) & (runs["lr"] == 0.1) & (runs["optimizer"] == "sgd") & (runs["dp"] == 0)
        )
        runs.loc[rows, "val/acc"] = mean
        runs.loc[rows, "test/acc"] = mean + 0.01 * (runs.loc[rows, "seed"] - 3)
    return study


def test_chosen_on_validation_reported_on_test() -> None:
    study = fixed_accuracies({"dense": 0.8, "cnn": 0.9})
    winners = study.runs["dp"] == 0.5
    study.runs.loc[winners, "test/acc"] = 0.99  # the best on test must not be chosen for it
    rows = results_table(study, top=1, method="normal").rows
    assert [(row.values["model"], row.values["lr"], row.values["dp"]) for row in rows] == [
        ("dense", 0.1, 0.0),
        ("cnn", 0.1, 0.0),
    ]
    assert [row.test.mean for row in rows] == pytest.approx([0.8, 0.9])
    assert rows[1].test.half_width == pytest.approx(1.959964 * np.sqrt(2.5) * 0.01 / np.sqrt(5))
    assert [row.best for row in rows] == [False, True]
    assert rows[0].p_value < 0.01  # 0.1 lower for every seed
    assert not rows[0].indistinguishable


def test_the_best_row_is_the_one_that_the_decision_takes() -> None:
    study = fixed_accuracies({"dense": 0.8, "cnn": 0.9})
    runs = study.runs
    dense = (
        (runs["model"] == "dense") & (runs["lr"] == 0.1) & (runs["optimizer"] == "sgd") & (runs["dp"] == 0)
    )
    runs.loc[dense, "test/acc"] += 0.15  # better on test than the best on validation
    rows = results_table(study, top=1).rows
    assert [round(row.test.mean, 6) for row in rows] == [0.95, 0.9]
    assert [row.best for row in rows] == [False, True]
    taken = decide(study)
    assert taken is not None
    assert taken.winner.values == rows[1].values
    assert rows[0].p_value < 0.01  # better by 0.05 for every seed: it is distinguished


def test_rows_that_cannot_be_told_apart() -> None:
    study = fixed_accuracies({"dense": 0.899, "cnn": 0.9})
    dense = (study.runs["model"] == "dense") & (study.runs["val/acc"] > 0.8)
    study.runs.loc[dense, "test/acc"] = study.runs.loc[dense, "test/acc"].to_numpy()[::-1]
    rows = results_table(study, top=1).rows
    assert rows[0].indistinguishable
    assert "†" in FORMATS["text"](results(results_table(study, top=1)))


def test_published_rows_to_three_decimals() -> None:
    """Samples with the published mean and spread print as the published table does."""
    published = {("dense", 98.027, 1.359, 7): "98.027 ± 1.007", ("cnn", 98.360, 0.719, 9): "98.360 ± 0.470"}
    grid = {
        "model": ["dense", "cnn"],
        "lr": [0.1],
        "optimizer": ["sgd"],
        "dp": [0.0],
        "seed": list(range(1, 10)),
    }
    study = synthetic_study(grid)
    runs = study.runs
    for (model, mean, std, n), _ in published.items():
        shape = np.arange(n) - (n - 1) / 2
        values = (mean + shape / shape.std(ddof=1) * std) / 100
        rows = runs.index[(runs["model"] == model) & (runs["seed"] <= n)]
        runs.loc[rows, "test/acc"] = values
    kept = with_runs(study, runs[(runs["model"] == "cnn") | (runs["seed"] <= 7)])
    for model in ("dense", "cnn"):
        only = kept.select(kept.runs["model"] == model)
        printed = FORMATS["markdown"](results(results_table(only, method="normal"), decimals=3))
        assert next(text for (name, *_), text in published.items() if name == model) in printed


def test_incomplete_configurations_do_not_win() -> None:
    study = fixed_accuracies({"dense": 0.8, "cnn": 0.9})
    lucky = (study.runs["dp"] == 0.1) & (study.runs["seed"] == 1)
    study.runs.loc[lucky, "val/acc"] = 0.999
    runs = study.runs[(study.runs["dp"] != 0.1) | lucky]
    table = results_table(with_runs(study, runs), top=1)
    assert {row.values["dp"] for row in table.rows} == {0.0}
    assert any("not complete: 320 of 400" in note for note in table.notes)


def test_a_point_that_two_sweeps_share_counts_once() -> None:
    """A repetition of the same seeds would narrow the interval and multiply the pairs."""
    study = fixed_accuracies({"dense": 0.8, "cnn": 0.9})
    other = replace(study.sweeps[0], path="team/metasweep/again")
    copies = study.runs.assign(run_id="again" + study.runs["run_id"], sweep_id="again")
    joined = replace(
        study, runs=pd.concat([study.runs, copies], ignore_index=True), sweeps=(*study.sweeps, other)
    )
    alone, both = (results_table(one, top=2).rows for one in (study, joined))
    assert [(row.test, row.p_value) for row in alone] == [(row.test, row.p_value) for row in both]


def test_a_confirmation_is_fresh_seeds_of_the_chosen_rows() -> None:
    study = fixed_accuracies({"dense": 0.8, "cnn": 0.9})
    fresh = study.runs.assign(seed=study.runs["seed"] + 5)
    said = results_table(study, top=1, confirmation=with_runs(study, fresh)).notes
    assert "Reported on fresh seeds, chosen on others." in said
    said = results_table(study, top=1, confirmation=study).notes
    assert any("same seeds" in note for note in said)
    for stranger in (fresh.assign(dp=0.2), fresh.assign(epochs=3), fresh.drop(columns="dp")):
        with pytest.raises(AnalysisError, match="No finished run of team/metasweep/synth001"):
            results_table(study, top=1, confirmation=replace(study, runs=stranger))


def test_the_notes_under_the_table() -> None:
    study = synthetic_study()
    few = results_table(study.select(study.runs["seed"] <= 3)).notes
    assert any("Fewer than 5 seeds" in note for note in few)
    assert any("same seeds" in note for note in few)
    one = results_table(study.select(study.runs["seed"] == 1))
    assert all(np.isnan(row.test.half_width) for row in one.rows)
    assert FORMATS["text"](results(one))


def test_rows_that_beat_the_chosen_one_on_test_are_said() -> None:
    study = fixed_accuracies({"dense": 0.8, "cnn": 0.9})
    swapped = study.runs["test/acc"].where(study.runs["model"] == "cnn", 0.95)
    notes = results_table(with_runs(study, study.runs.assign(**{"test/acc": swapped})), top=1).notes
    words = "1 row has a better mean test accuracy than the best, which was chosen by val/acc: "
    assert words + "1 with p below 0.05." in notes
    assert not any("better mean" in note for note in results_table(study, top=1).notes)


def test_the_first_finished_run_of_a_point_counts() -> None:
    study = synthetic_study()
    again = study.runs.iloc[:2].assign(run_id=["a", "b"], **{"val/acc": 1.0, "test/acc": 1.0})
    again["created_at"] += pd.Timedelta(days=1)
    again["state"] = ["finished", "crashed"]
    both = with_runs(study, pd.concat([again, study.runs]))
    assert not set(both.finished["run_id"]) & {"a", "b"}
    status = completeness(both)
    assert (status.finished, status.duplicated, status.complete) == (400, 1, True)
    assert any("1 run repeats" in note for note in results_table(both).notes)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("failed", (399, 0, 1, 0)),
        ("killed", (399, 0, 1, 0)),
        ("running", (399, 1, 0, 0)),
        (None, (399, 0, 0, 1)),
    ],
)
def test_completeness(state: str | None, expected: tuple[int, ...]) -> None:
    study = synthetic_study()
    if state is None:
        study = with_runs(study, study.runs.iloc[1:])
    else:
        study.runs.loc[0, "state"] = state
    found = completeness(study)
    assert (found.finished, found.running, found.failed, found.missing) == expected
    assert not found.complete
    point = {"model": "dense", "lr": 0.1, "optimizer": "sgd", "dp": 0.0, "seed": 1, "epochs": 2}
    assert point in [*found.missing_points, *found.failed_points, *([point] if found.running else [])]


def test_baselines_of_mnist() -> None:
    found = baselines({"train": MNIST_TRAIN_COUNTS, "test": MNIST_TEST_COUNTS})
    assert found.majority_class == 1
    assert found.majority_accuracy == 0.1135
    assert found.random_expected == 0.1
    assert np.mean(found.random_by_seed) == pytest.approx(0.1, abs=4 * 0.003 / np.sqrt(5))
    assert chance_level({"train": MNIST_TRAIN_COUNTS, "test": MNIST_TEST_COUNTS}) == 0.1135
    assert chance_level({}) is None


def test_every_format_says_the_same() -> None:
    table = results_table(synthetic_study())
    listing = results(table)
    from_json = json.loads(FORMATS["json"](listing))["rows"]
    from_csv = list(csv.DictReader(io.StringIO(FORMATS["csv"](listing))))
    assert [float(row["test_mean"]) for row in from_csv] == [row["test_mean"] for row in from_json]
    assert [row["test_mean"] for row in from_json][:4] == [row.test.mean for row in table.rows]
    best = next(row for row in table.rows if row.best)
    shown = f"{100 * best.test.mean:.2f} ± {100 * best.test.half_width:.2f}"
    assert f"**{shown}**" in FORMATS["markdown"](listing)
    assert rf"\textbf{{{shown.replace('±', '$' + chr(92) + 'pm$')}}}" in FORMATS["latex"](listing)
    assert shown in FORMATS["text"](listing)
