"""What the report says about studies that were made to have one thing to say."""

from __future__ import annotations

import math
from dataclasses import replace

import click
import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp, ttest_ind

from metasweep.report.measure.choosing.confirmation import confirming_sweeps
from metasweep.report.measure.choosing.edges import edges, next_value
from metasweep.report.measure.choosing.table import choose, results_table
from metasweep.report.measure.comparisons import Claim, spread
from metasweep.report.measure.curves import (
    CHANCE,
    COLLAPSED,
    NAN,
    SLOW,
    STUCK,
    highlights,
    still_learns,
    word_for,
)
from metasweep.report.measure.effects import by_level, interaction
from metasweep.report.measure.findings import agreement, dropout, findings, learning_rates
from metasweep.report.measure.statistics import against, holm, interval, welch_t
from metasweep.report.options import subset
from metasweep.report.read.records import RunRecord, assemble
from metasweep.report.read.study import Study, Sweep
from tests.report.made_up import logged, study_of
from tests.report.synthetic import GRID, sweep_config, synthetic_study

ONE = {"lr": [0.1], "seed": [1]}


def said(claims: list[Claim]) -> list[str]:
    """What claims say at 5 % each."""
    return [claim.say(0.05) for claim in claims]


def flat(accuracy: float = 0.9) -> Study:
    """Every run reaches the same, apart from its seed's own 0.001."""
    study = synthetic_study()
    for column in ("val/acc", "test/acc"):
        study.runs[column] = accuracy + 0.001 * study.runs["seed"]
    return study


def curve(accuracy: list[float], loss: list[float]) -> pd.DataFrame:
    columns = {"test/acc": accuracy, "train/acc": accuracy, "train/loss": loss}
    return pd.DataFrame(columns, index=range(len(accuracy)))


@pytest.mark.parametrize(
    ("accuracy", "loss", "diverged", "word"),
    [
        ([0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [2.3, 2.31, 2.3, 2.29, 2.31, 2.3], False, CHANCE),
        ([0.1, 0.1, 0.11, 0.12, 0.14, 0.15], [2.30, 2.29, 2.28, 2.27, 2.25, 2.2], False, SLOW),
        ([0.1, 0.6, 0.7, 0.1, 0.1, 0.1], [2.3, 1, 0.8, 2.3, 2.3, 2.3], False, COLLAPSED),
        ([0.1, 0.1], [math.nan, math.nan], True, NAN),
        ([], [], False, CHANCE),
        # Fell from a blow-up, then nothing.
        ([0.1] * 14, [20.0, 9, 4, 2.4, *5 * [2.31, 2.30]], False, CHANCE),
        ([0.1, *9 * [0.2], 0.19, 0.2, 0.19, 0.2], [20.0, 9, 4, 2.4, *5 * [2.11, 2.10]], False, STUCK),
        # One image more than the largest class.
        ([0.1136] * 14, [*7 * [2.31, 2.30]], False, CHANCE),
        ([0.1] * 14, [2.4 - 0.01 * i for i in range(14)], False, SLOW),
    ],
)
def test_a_word_for_what_a_run_did(accuracy: list, loss: list, diverged: bool, word: str) -> None:
    assert word_for(synthetic_study(ONE), curve(accuracy, loss), diverged, chance=0.1135) == word


def test_highlights_name_the_runs_that_were_made_to_be_seen() -> None:
    study = synthetic_study(epochs=4)
    history = study.history
    fallen = (history["run_id"] == "run00301") & (history["epoch"] == 4)
    history.loc[fallen, "test/acc"] = 0.12
    found = {highlight.word: highlight for highlight in highlights(study)}
    assert found["clearest collapse"].run_id == "run00301"
    best = study.runs.loc[study.runs["val/acc"].idxmax()]
    assert (found["best by val/acc"].run_id, found["best by val/acc"].value) == (
        best["run_id"],
        best["test/acc"],
    )
    assert len({highlight.run_id for highlight in found.values()}) == len(found)


@pytest.mark.parametrize(
    ("accuracy", "learns"),
    [
        ([0.1135] * 9, False),  # flat at chance
        ([0.1, 0.104, 0.098, 0.113, 0.101, 0.1134], False),  # noise below chance
        ([0.1, 0.1, 0.3, 0.5, 0.6, 0.6, 0.6, 0.6, 0.601], False),  # learned once, then stopped
        ([0.1, 0.3, 0.5, 0.8, 0.7], False),  # fell at its end
        ([0.1, 0.12, 0.15, 0.19, 0.24, 0.3], True),
        ([0.1, 0.16], True),
        ([0.9], False),
    ],
)
def test_what_still_learns_at_its_end(accuracy: list[float], learns: bool) -> None:
    assert still_learns(np.array(accuracy), chance=0.1135) is learns


def test_the_slowest_learner_is_no_flat_curve() -> None:
    """Two runs with a falling training loss: one stays at chance, one rises slowly; others are done."""
    study = synthetic_study(epochs=9)
    history = study.history
    for run, end in (("run00000", 0.1), ("run00001", 0.3)):
        rows = history["run_id"] == run
        for split in ("train", "val", "test"):
            known = rows & history[f"{split}/acc"].notna()
            history.loc[known, f"{split}/acc"] = np.linspace(0.1, end, known.sum())
        history.loc[rows, "train/loss"] = np.linspace(2.31, 2.25, rows.sum())
        study.runs.loc[study.runs["run_id"] == run, "test/acc"] = end
    slowest = next(found for found in highlights(study) if found.word == "slowest learner")
    assert (slowest.run_id, slowest.value) == ("run00001", 0.3)


def test_the_learning_rate_that_works_for_each_optimizer() -> None:
    study = flat()
    runs = study.runs
    winner = ((runs["optimizer"] == "sgd") & (runs["lr"] == 0.1)) | (
        (runs["optimizer"] == "adam") & (runs["lr"] == 0.001)
    )
    runs.loc[winner, "test/acc"] += 0.05 + 0.002 * (runs.loc[winner, "seed"] % 2)
    sgd, adam = said(learning_rates(study))
    assert sgd.startswith("With sgd, lr 0.1 is best")
    assert adam.startswith("With adam, lr 0.001 is best")
    assert "0.01 by 5.12" in sgd  # points: 5 + 0.2 × 3/5
    assert "not distinguishable" not in sgd


def test_an_incomplete_grid_claims_nothing_of_settings_that_differ_in_more() -> None:
    study = flat()
    runs = study.runs
    easy = (runs["model"] == "cnn") & (runs["lr"] == 0.01)  # the only setting that dropout 0.5 has run
    runs.loc[easy, "test/acc"] += 0.05
    found, _ = said(dropout(study.select((runs["dp"] == 0) | (runs["dp"] == 0.5) & easy)))
    assert "it beats" not in found
    none, _ = said(dropout(study.select((runs["dp"] == 0) & ~easy | (runs["dp"] == 0.5) & easy)))
    assert "no setting" in none


def test_nothing_is_claimed_of_noise() -> None:
    study = flat()
    noise = np.random.default_rng(5).normal(0, 0.01, len(study.runs))
    study.runs["val/acc"] = study.runs["test/acc"] = 0.9 + noise
    assert all("it beats" not in text for text in said([*learning_rates(study), *dropout(study)]))


def test_equal_spreads_are_rarely_called_different() -> None:
    """Nominally 5 % of the draws, though the spread of the models differs by ten; 5 of 100 is expected."""
    study = flat()
    scale = np.where(study.runs["model"] == "cnn", 0.001, 0.01)
    called = 0
    for draw in range(100):
        study.runs["test/acc"] = 0.9 + scale * np.random.default_rng(draw).normal(size=len(scale))
        called += "depends on dp: std" in spread(study, study.runs, "dp")
    assert 0 < called <= 10


def test_dropout_and_the_spread_over_seeds() -> None:
    study = flat()
    wide = np.where(study.runs["dp"] == 0.5, 0.02, 0.001)
    noise = np.random.default_rng(5).normal(0, 1, len(study.runs))
    study.runs["test/acc"] = 0.9 + wide * noise
    told = said(dropout(study))[1]
    assert "spread over seeds depends on dp" in told
    cells = study.runs[study.runs["dp"] == 0.5].groupby(["model", "lr", "optimizer"])["test/acc"]
    assert f"{100 * math.sqrt(cells.var(ddof=1).mean()):.2f} at 0.5 points" in told


def test_one_seed_claims_nothing() -> None:
    study = synthetic_study()
    texts = [found.text for found in findings(study.select(study.runs["seed"] == 1))]
    assert all("it beats" not in text for text in texts)
    assert any("one seed cannot show" in text for text in texts)


def test_runs_of_one_seed_count_as_one_observation() -> None:
    """Validation against test differs by the seed alone: 400 runs tell no more than their five seeds do."""
    study = flat()
    study.runs["val/acc"] = study.runs["test/acc"] + study.runs["seed"].map(
        {1: 0.02, 2: -0.01, 3: 0.02, 4: -0.01, 5: 0.005}
    )
    (found,) = said(agreement(study))
    expected = ttest_1samp([2.0, -1, 2, -1, 0.5], 0).confidence_interval(0.95)
    width = (expected.high - expected.low) / 2
    assert f"do not differ on average as far as can be seen (-0.50 ± {width:.2f} points)" in found
    (one,) = said(agreement(study.select(study.runs["seed"] == 1)))
    assert "differ by -2.00 points on average (test less validation)" in one


def test_the_best_of_many_equals_is_no_reason_to_look_beyond_the_edge() -> None:
    study, found = flat(), 0
    for draw in range(40):
        noise = np.random.default_rng(draw).normal(0, 0.01, len(study.runs))
        study.runs["val/acc"] = 0.9 + noise
        found += any("next" in sentence for sentence in edge_sentences(study))
    assert found <= 2


def edge_sentences(study: Study) -> list[str]:
    """What is said about the edges on which the best configuration lies."""
    found = edges(study)
    assert found
    return [edge.sentence() for edge in found[1]]


@pytest.mark.parametrize(("gain", "words"), [(0.03, "try 0.32 next"), (0.0, "cannot be distinguished")])
def test_best_at_the_edge_of_the_grid(gain: float, words: str) -> None:
    study = flat()
    runs = study.runs
    best = (runs["model"] == "cnn") & (runs["dp"] == 0.1) & (runs["optimizer"] == "sgd")
    runs.loc[best & (runs["lr"] == 0.01), "val/acc"] += 0.005 * (runs["seed"] % 2)
    runs.loc[best & (runs["lr"] == 0.1), "val/acc"] += 0.003 + gain + 0.0005 * (runs["seed"] % 3)
    (sentence,) = edge_sentences(study)
    assert "highest lr of the grid, 0.1" in sentence
    assert words in sentence


def test_what_to_try_beyond_the_edge() -> None:
    assert next_value([0.001, 0.01, 0.1]) == "0.32"
    assert next_value([0.1, 0.01, 0.001]) == "0.00032"
    assert next_value([1, 2, 3]) == "4"
    assert next_value([3, 2, 1]) == ""  # whole and positive: nothing is left
    assert next_value([64, 32, 16]) == "8"
    assert next_value([0.01, 0.003, 0.001]) == "0.00058"
    assert next_value([0.5, 0.7, 0.9]) == "0.95"  # a share
    assert next_value([-1, 0, 1]) == "2"


def test_effects_are_the_means_of_their_runs() -> None:
    study = synthetic_study()
    runs = study.runs
    table = by_level(study, "dp").set_index("dp")
    assert table.loc[0.3, "mean"] == pytest.approx(runs.loc[runs["dp"] == 0.3, "test/acc"].mean())
    assert table["n"].tolist() == [100] * 4
    by_seed = runs[runs["dp"] == 0.3].groupby("seed")["test/acc"].mean()
    assert table.loc[0.3, "half_width"] == pytest.approx(interval(by_seed).half_width)
    pairs = interaction(study, "lr", "optimizer")
    cell = runs[(runs["lr"] == 0.01) & (runs["optimizer"] == "sgd")]
    assert pairs.loc[0.01, "sgd"] == pytest.approx(cell["test/acc"].mean())


def test_words_of_a_random_search_are_compared_over_its_runs() -> None:
    """No two runs agree in all else: Welch's t over the runs, as scipy has it, and Holm's correction."""
    rng = np.random.default_rng(3)

    def drawn(_index: int, run: dict) -> None:
        run["config"]["lr"] = float(10 ** rng.uniform(-5, -1))
        logged(run, "test/acc", 0.7 + 0.2 * (run["config"]["model"] == "cnn") + 0.01 * rng.normal())

    grid = {"model": ["cnn", "dense", "both"], "lr": [0.1, 0.2], "dp": [0], "seed": list(range(10))}
    study = study_of(drawn, grid, "random")
    study = replace(study, parameters=("model", "lr"))
    groups = {name: runs["test/acc"] for name, runs in study.runs.groupby("model")}
    names = [("cnn", "dense"), ("cnn", "both"), ("dense", "both")]
    ps = [ttest_ind(groups[one], groups[other], equal_var=False).pvalue for one, other in names]
    tests = against(0, [groups[name] for name in ("cnn", "dense", "both")], welch_t)
    assert [test.p_value for test in tests[1:]] == pytest.approx(holm(ps)[:2])
    (text,) = [found.text for found in findings(study) if "model" in found.text]
    assert text.startswith("Over all runs, model cnn is best on average")
    assert text.endswith("(Welch's t over 60 runs, Holm, 5 %).")


def test_confirmation_reruns_the_rows_on_seeds_that_nobody_used() -> None:
    study = synthetic_study()
    chosen = choose(study, 1)
    sweeps = confirming_sweeps(study, chosen)
    assert [sweep["parameters"]["seed"]["values"] for sweep in sweeps] == [[6, 7, 8, 9, 10]] * 2
    for sweep, configuration in zip(sweeps, chosen, strict=True):
        fixed = {name: spec["value"] for name, spec in sweep["parameters"].items() if name != "seed"}
        assert fixed == {**configuration.values, "epochs": 2}
        assert sweep["command"] == study.sweeps[0].config["command"]
    fresh = synthetic_study({**GRID, "seed": [6, 7, 8]}, rng_seed=1)
    table = results_table(study, top=1, confirmation=fresh)
    assert [row.test.n for row in table.rows] == [3, 3]
    assert any("fresh seeds" in note for note in table.notes)


def record(run_id: str, config: dict, summary: dict, state: str = "finished") -> RunRecord:
    times = {"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:01:30Z"}
    return RunRecord(
        run_id, run_id, "http://x", "s", state, config=config, summary=summary, commit="", **times
    )


def test_records_of_other_programs_and_odd_values() -> None:
    sweep = Sweep("e/p/s", "s", "http://x", "RUNNING", sweep_config({"lr": ["1e-3", 0.1], "seed": [1, 2]}))
    study = assemble(
        [sweep],
        [
            record("a", {"lr": "1e-3", "seed": 1}, {"val/acc": 0.9, "test/acc": 0.8, "_runtime": 7}),
            record("b", {"lr": 0.001, "seed": 1}, {"val/acc": 0.9}),  # the same point again
            record("c", {"lr": 0.1, "seed": 1}, {"train/loss": "NaN", "val/acc": 0.1, "test/acc": 0.1}),
            record("d", {"foo": [1, 2]}, {"bar": {"_type": "table-file"}, "val/acc": "?"}, state="crashed"),
        ],
        {"a": [{"_step": 5, "val/acc": 0.9, "epoch": 1}, {"_step": 2, "train/loss": "Infinity"}, {"x": 1}]},
    )
    runs = study.runs.set_index("run_id")
    assert runs["lr"].tolist()[:3] == [0.001, 0.001, 0.1]
    assert runs["runtime_seconds"].tolist() == [7, 90, 90, 90]
    assert runs["diverged"].tolist() == [False, False, True, False]
    assert runs["duplicate"].tolist() == [False, True, False, False]
    assert runs.loc["a", "test/acc"] == 0.8
    assert math.isnan(runs.loc["d", "val/acc"])
    assert study.parameters == ("lr",)
    assert study.constants == {"epochs": 2}
    assert study.history["step"].tolist() == [5, 2]
    assert study.history["epoch"].tolist() == [1, 0.4]


def test_subset_by_expression() -> None:
    study = synthetic_study()
    chosen = subset(study, 'lr >= 0.001 and model == "cnn"')
    first, second = study.runs["run_id"][:2]
    assert list(subset(study, f"id in ({first}, {second})").runs["run_id"]) == [first, second]
    assert len(chosen.runs) == 120
    assert set(chosen.history["run_id"]) == set(chosen.runs["run_id"])
    for wrong in ("lr >", "nosuch > 1", "(lr=1"):
        with pytest.raises(click.BadParameter):
            subset(study, wrong)
    assert "Only runs with" in " ".join(results_table(replace(chosen, where="x")).notes)
