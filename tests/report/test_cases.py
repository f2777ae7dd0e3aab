"""Inputs that failed once: a sweep and its runs, each with the outcome that is right."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy.stats import ttest_ind

from metasweep.report.measure.choosing.confirmation import confirming_sweeps
from metasweep.report.measure.choosing.table import choose, results_table
from metasweep.report.measure.status import completeness
from metasweep.report.read.records import RunRecord, assemble
from metasweep.report.read.study import Study, Sweep
from metasweep.report.sections import make
from metasweep.report.sections.listings import results
from metasweep.report.sections.section import Choices
from metasweep.report.write.formats import FORMATS
from metasweep.report.write.report import readme_text

CASES: dict[str, Any] = json.loads((Path(__file__).parent / "cases.json").read_text())


def study_of(case: dict[str, Any]) -> Study:
    """What the API returns of it."""
    sweep = Sweep("team/cases/s", "case", "http://127.0.0.1/s", "FINISHED", case["sweep"])
    records = [
        RunRecord(
            f"run{number:03}",
            f"run{number:03}",
            "http://127.0.0.1/r",
            "s",
            "finished",
            f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
            f"2026-01-01T01:{number % 60:02}:00Z",
            run["config"],
            {name: infinite(value) for name, value in run["summary"].items()},
            "",
        )
        for number, run in enumerate(case["runs"])
    ]
    return assemble([sweep], records, {})


def infinite(value: Any) -> Any:
    return math.inf if value == "inf" else value


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> tuple[str, Study]:
    return request.param, study_of(CASES[request.param])


def whole_report(study: Study) -> str:
    choices = Choices()
    return readme_text(study, make(study, choices, choices.sections))


def rows(study: Study, top: int = 20) -> list[dict[str, Any]]:
    return json.loads(FORMATS["json"](results(results_table(study, top=top))))["rows"]


def test_every_case_is_reported_in_every_format(case: tuple[str, Study]) -> None:
    name, study = case
    found = completeness(study)
    assert (found.expected, found.finished, found.duplicated) == (len(study.runs), len(study.runs), 0), name
    listing = results(results_table(study))
    assert len({len(row) for row in [listing.headers, *listing.rows]}) == 1
    for form in FORMATS.values():
        assert form(listing)
    assert "## Results" in whole_report(study)


@pytest.mark.parametrize(
    ("name", "parameter", "best", "mean", "count"),
    [
        ("q_uniform", "dp", 0.4, 0.982, 5),
        ("version_strings", "version", "3.2", 0.942, 3),
        ("one_and_text_one", "x", '"1"', 0.922, 2),
        ("summary_max", "lr", 0.05, 0.95, 2),
        ("both_spellings", "lr", 0.01, 0.9, 2),
        ("param_epoch", "epoch", 10, 1.0, 2),
        ("param_state", "state", "off", 0.922, 2),
        ("latex_hats", "k", "c~d", 0.922, 2),
        ("percent_accuracies", "lr", 0.2, 0.912, 2),
        ("regression", "lr", 0.1, 3.32, 2),
    ],
)
def test_the_rows_of_the_table(name: str, parameter: str, best: Any, mean: float, count: int) -> None:
    found = [row for row in rows(study_of(CASES[name])) if row["name"] == "configuration"]
    assert len(found) == count
    (winner,) = [row for row in found if row["best"]]
    assert winner[parameter] == best
    assert winner["test_mean"] == pytest.approx(mean, abs=0.02 if name == "q_uniform" else 1e-9)
    assert all(row["n"] == 3 for row in found)


def test_a_parameter_called_n_has_its_own_column() -> None:
    text = FORMATS["csv"](results(results_table(study_of(CASES["param_n_csv"]))))
    found = list(csv.DictReader(io.StringIO(text)))
    assert [(row["config:n"], row["n"]) for row in found] == [("8", "3"), ("7", "3")]


def test_exact_names_win() -> None:
    study = study_of(CASES["both_spellings"])
    assert (study.metric.name, study.reported.name) == ("val/acc", "test/acc")
    assert "Both test/acc and test_acc are logged: test/acc is meant." in study.notes


def test_percentages_are_recognised_and_said() -> None:
    study = study_of(CASES["percent_accuracies"])
    assert "91.20" in FORMATS["text"](results(results_table(study)))
    assert any("logged in per cent" in note for note in study.notes)
    assert "9120" not in whole_report(study)


def test_an_infinite_value_does_not_win_and_is_said() -> None:
    study = study_of(CASES["infinite"])
    assert [row["lr"] for row in rows(study)] == [0.2]
    text = whole_report(study)
    assert "3 finished runs have no finite val/acc" in text
    assert "inf " not in text


def test_a_loss_is_a_loss_in_every_section() -> None:
    study = study_of(CASES["regression"])
    text = whole_report(study)
    assert (study.metric.kind, study.metric.goal) == ("loss", "minimize")
    assert "3.320 ± 0.025" in text
    for wrong in ("332.0", "accuracy", "327.", "No finished run", "none."):
        assert wrong not in text.partition("## Provenance")[0], wrong
    assert "validation loss" in text


@pytest.mark.parametrize(
    ("name", "words"), [("negative_lr", "try 0.00058 next"), ("batch_zero", "try 8 next")]
)
def test_advice_stays_within_what_is_possible(name: str, words: str) -> None:
    assert words in whole_report(study_of(CASES[name]))


def test_hats_are_escaped_in_latex() -> None:
    text = FORMATS["latex"](results(results_table(study_of(CASES["latex_hats"]))))
    assert r"a\textasciicircum{}b" in text
    assert r"c\textasciitilde{}d" in text


def test_confirming_sweeps_keep_types_and_nesting() -> None:
    study = study_of(CASES["confirm_types"])
    (sweep,) = confirming_sweeps(study, choose(study, 1))
    assert sweep["parameters"]["layers"] == {"value": [128]}
    study = study_of(CASES["confirm_nested"])
    (sweep,) = confirming_sweeps(study, choose(study, 1))
    assert sweep["parameters"]["opt"] == {"parameters": {"lr": {"value": 0.02}}}
    study = study_of(CASES["confirm_seed_words"])
    (sweep,) = confirming_sweeps(study, choose(study, 1))
    assert sweep["parameters"]["seed"] == {"values": [1, 2, 3, 4, 5]}
    study = study_of(CASES["version_strings"])
    (sweep,) = confirming_sweeps(study, choose(study, 1))
    assert sweep["parameters"]["version"] == {"value": "3.2"}


@pytest.mark.parametrize("name", ["random_seed", "rng", "repeat", "train.seed"])
def test_a_seed_is_found_by_its_name(name: str) -> None:
    case = json.loads(json.dumps(CASES["regression"]).replace('"seed"', json.dumps(name)))
    study = study_of(case)
    assert study.seed == name
    found = results_table(study)
    assert [row.test.n for row in found.rows] == [3, 3]
    assert f"The seed is the parameter {name}." in found.notes


def case_of(**changes: Any) -> dict[str, Any]:
    """The regression case with other parts."""
    return json.loads(json.dumps(CASES["regression"])) | changes


def test_runs_that_blew_up_are_no_winners_and_break_nothing() -> None:
    case = case_of()
    for number, run in enumerate(case["runs"]):
        run["summary"] = {"val/loss": [1.7e308, -1.7e308, 0.5 + number][number % 3]}
    study = study_of(case)
    (row,) = {row["test_mean"] for row in rows(study) if row["n"]} & {0.5 + 2}
    assert row == 2.5
    assert "no finite val/loss" in whole_report(study)


def test_a_curve_through_infinity_has_no_infinite_gain() -> None:
    study = study_of(CASES["regression"])
    metric = study.reported.column
    steps = pd.DataFrame(
        {"run_id": study.runs["run_id"].iloc[0], "step": range(7), "epoch": math.nan, metric: 1.0}
    )
    for other in study.metrics:
        steps[other.column] = [math.inf, -math.inf, 3.0, 2.0, math.inf, 1.0, 0.9]
    text = whole_report(replace(study, history=steps))
    assert not re.search(r"\binf\b", text)


@pytest.mark.parametrize(
    "counts", [{"train": [], "test": []}, [1, 2], {"train": [1], "test": [1, 2]}, {"test": ["a"]}, "many", {}]
)
def test_odd_counts_of_classes_are_none(counts: Any) -> None:
    case = case_of()
    for run in case["runs"]:
        run["config"] |= {"class_counts": counts, "class_names": "abc"}
    study = study_of(case)
    assert study.class_counts == {}
    assert "## Results" in whole_report(study)


def test_seeds_of_any_size() -> None:
    case = json.loads(json.dumps(CASES["regression"]))
    big = [2**31 - 1, 2**63, 12345678901234567890]
    case["sweep"]["parameters"]["seed"] = {"values": big}
    for run in case["runs"]:
        run["config"]["seed"] = big[run["config"]["seed"] - 1]
    assert "over 3 seeds" in whole_report(study_of(case))


def test_no_finding_links_to_a_figure_that_is_not_there(case: tuple[str, Study]) -> None:
    for chosen in (Choices(), Choices(only=("findings",))):
        sections = make(case[1], chosen, chosen.sections)
        drawn = {chart.name for section in sections for chart in section.charts}
        linked = set(re.findall(r"\(figures/([^)]*)\.svg\)", readme_text(case[1], sections)))
        assert linked <= drawn


def test_histories_of_nothing_finite_have_no_figure() -> None:
    study = study_of(CASES["regression"])
    rows_of = {"run_id": study.runs["run_id"].repeat(3), "step": 1, "epoch": math.nan}
    history = pd.DataFrame({**rows_of, **{metric.column: math.inf for metric in study.metrics}})
    choices = Choices()
    sections = make(replace(study, history=history.reset_index(drop=True)), choices, choices.sections)
    for chart in (chart for section in sections for chart in section.charts):
        assert chart.draw(theme="light")


def grid_case(summary: Any, metric: str = "val/acc", **values: list[Any]) -> dict[str, Any]:
    """A finished grid; `summary` makes what a point ends with."""
    points = [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
    sweep = {
        "method": "grid",
        "metric": {"name": metric, "goal": "maximize"},
        "parameters": {name: {"values": listed} for name, listed in values.items()},
    }
    runs = [{"config": point, "summary": summary(point)} for point in points]
    return {"sweep": sweep, "runs": runs}


def test_none_is_a_value_like_others() -> None:
    case = grid_case(
        lambda point: {"val/acc": 0.8 + 0.1 * (point["clip"] is None) + point["seed"] / 1000},
        clip=[None, 1.0, 5.0],
        seed=[1, 2, 3, 4, 5],
    )
    study = study_of(case)
    text = whole_report(study)
    assert "Take clip None: the best of 3 configurations" in text
    assert "clip None is best on average" in text
    assert "functional ANOVA" in text
    (sweep,) = confirming_sweeps(study, choose(study, 1), 2)
    assert sweep["parameters"] == {"clip": {"value": None}, "seed": {"values": [6, 7]}}


def test_seeds_may_be_whole_numbers_written_as_floats() -> None:
    case = grid_case(lambda point: {"val/acc": point["lr"]}, lr=[0.1, 0.2], seed=[0.0, 1.0, 2.0])
    assert study_of(case).seed == "seed"
    assert study_of(grid_case(lambda _: {"val/acc": 0.5}, lr=[0.1], seed=[0.5, 1.0])).seed == ""


def test_the_best_of_the_table_is_that_of_the_decision_even_without_its_test_value() -> None:
    case = grid_case(
        lambda point: {"val/acc": point["lr"], **({"test/acc": 0.1} if point["lr"] < 0.2 else {})},
        lr=[0.1, 0.2],
        seed=[1, 2],
    )
    study = study_of(case)
    assert [row["lr"] for row in rows(study) if row["best"]] == [0.2]
    text = whole_report(study)
    assert "It reaches 20.00 % validation accuracy; none of its runs has logged test/acc." in text
    assert "only lr 0.1 has test/acc: nothing can be compared" in text


def test_a_difference_that_is_the_same_with_every_seed_is_said_as_it_is() -> None:
    case = grid_case(
        lambda point: {"val/acc": 0.9 + point["seed"] / 100, "test/acc": 0.88 + point["seed"] / 100},
        lr=[0.1, 0.2],
        seed=[1, 2, 3],
    )
    assert "Test lies 2.00 points below validation with every seed" in whole_report(study_of(case))


def test_drawn_seeds_repeat_without_pairs() -> None:
    case = grid_case(lambda point: {"val/acc": point["lr"] + point["seed"] / 1e6}, lr=[0.1, 0.2], seed=[1, 2])
    case["sweep"] |= {"method": "random"}
    for number, run in enumerate(case["runs"]):
        run["config"]["seed"] = 1000 + number
    study = study_of(case)
    found = results_table(study)
    assert [row.test.n for row in found.rows] == [2, 2]
    samples = [study.runs.loc[study.runs["lr"] == lr, "val/acc"] for lr in (0.2, 0.1)]
    assert found.rows[1].p_value == pytest.approx(ttest_ind(*samples, equal_var=False).pvalue)
    assert "with probability above 99 %" in whole_report(study)


def test_what_early_terminate_stopped_is_done() -> None:
    case = grid_case(lambda point: {"val/acc": point["lr"]}, lr=[0.1, 0.2, 0.3])
    study = study_of(case)
    study.runs.loc[[0, 1], "state"] = "killed"
    assert not completeness(study).complete
    early = {**case["sweep"], "early_terminate": {"type": "hyperband", "min_iter": 1}}
    for method in ("grid", "random"):
        sweep = replace(study.sweeps[0], config=early | {"method": method, "run_cap": 3})
        found = completeness(replace(study, sweeps=(sweep,)))
        assert (found.finished, found.stopped, found.failed, found.missing) == (1, 2, 0, 0)
        assert found.complete
        assert "2 stopped early" in found.summary


def test_an_objective_that_never_differs_has_no_side_of_the_box() -> None:
    case = grid_case(lambda point: {"acc": point["lr"], "size": 5, "ms": 1 - point["lr"]}, lr=[0.1, 0.2])
    wished = [("acc", "maximize"), ("ms", "minimize"), ("size", "minimize")]
    case["sweep"]["metrics"] = [{"name": name, "goal": goal} for name, goal in wished]
    del case["sweep"]["metric"]
    text = whole_report(study_of(case))
    assert "several metrics: acc, ms and size" in text
    assert "They cover 100.0 %" in text


def test_joined_sweeps_with_a_metric_each_have_no_trade_off() -> None:
    case = grid_case(lambda point: {"val/acc": point["lr"], "train/loss": 1.0}, lr=[0.1, 0.2])
    study = study_of(case)
    records = [
        RunRecord(f"r{lr}", "r", "", sweep, "finished", "2026-01-01", "2026-01-01", {"lr": lr}, summary, "")
        for sweep, lr, summary in (
            ("s", 0.1, {"val/acc": 0.1, "train/loss": 1.0}),
            ("t", 0.2, {"val/acc": 0.2, "train/loss": 0.5}),
        )
    ]
    other = {**case["sweep"], "metric": {"name": "train/loss", "goal": "minimize"}}
    joined = assemble([study.sweeps[0], Sweep("team/cases/t", "t", "", "", other)], records, {})
    text = whole_report(joined)
    assert "The sweeps name different metrics: val/acc is used, not train/loss" in text
    assert "Trade-offs" not in text
    assert [row["lr"] for row in rows(joined) if row["best"]] == [0.2]
