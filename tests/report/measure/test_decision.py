"""The decision at the top of the report, and the trade-offs of several objectives, on known truths."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from metasweep.report.measure.choosing.decision import decide, moderated, probabilities, sentences
from metasweep.report.measure.choosing.dropping import dropped
from metasweep.report.measure.choosing.pareto import hypervolume, undominated
from metasweep.report.measure.statistics import detectable, seeds_to_show
from tests.report.honesty import LEVEL, NOISE, decided, of_rows, study


def told(truth: list[float], seeds: int = 5, draw: int = 0) -> str:
    made = study(of_rows(len(truth), seeds), np.array(truth), np.random.default_rng(draw), shared=NOISE)
    found = decide(made)
    assert found is not None
    return " ".join(sentences(made, found))


def test_a_clear_winner_is_taken_and_sure() -> None:
    text = told([LEVEL, LEVEL + 20 * NOISE, LEVEL])
    assert text.startswith("Take variant v1: the best of 3 configurations by mean validation accuracy.")
    assert "over 5 seeds" in text
    assert "with probability above 99 % (empirical Bayes over 5 seeds)." in text
    assert "table --confirm" not in text


def test_the_winner_of_equals_is_not_taken_for_the_best_and_says_what_it_costs() -> None:
    chances = [
        float(probabilities(LEVEL + NOISE * np.random.default_rng(draw).normal(size=(12, 5)), 0).max())
        for draw in range(20)
    ]
    assert np.mean(chances) < 0.4
    text = told([LEVEL] * 3, draw=1)
    assert "the likeliest other is variant v" in text
    assert "if the difference is what it seems (paired t, 80 % power)" in text or "more than 1,000" in text


def test_a_crowd_at_the_top_is_not_said_to_be_led_by_its_winner() -> None:
    said, hits = decided(2, ["a crowd at the top"], [24])
    assert said.mean() < 0.35
    assert hits.mean() >= said.mean() - 0.3


def test_a_configuration_that_diverges_with_some_seeds_makes_the_others_no_less_sure() -> None:
    rng = np.random.default_rng(0)
    table = np.array([[0.97], [0.969], [0.94], [0.91]]) + np.array(
        [[4], [4], [15], [40]]
    ) / 1000 * rng.normal(size=(4, 5))
    wild = np.array([[0.95, 0.2, 0.93, 0.3, 0.8]])
    alone, beside = probabilities(table, 0), probabilities(np.vstack([table, wild]), 0)
    assert alone[:2].sum() > 0.95
    assert beside[:2].sum() > 0.9
    said, hits = decided(3, ["normal", "even"], [4, 12], uneven=1.0)
    sure = said > 0.9
    assert hits[sure].mean() > 0.8


def test_moderated_variances_are_those_of_limma() -> None:
    """Smyth (2004): equal where they differ by chance alone; drawn to their centre where they differ more."""
    rng = np.random.default_rng(1)
    alike = rng.chisquare(4, 2000) / 4
    found, freedom = moderated(alike, 4)
    assert freedom > 100
    assert found == pytest.approx(np.full(2000, 1.0), rel=0.15)
    true = 3 * 8 / rng.chisquare(8, 4000)  # a prior of 8 degrees of freedom and scale 3
    found, freedom = moderated(true * rng.chisquare(4, 4000) / 4, 4)
    assert freedom == pytest.approx(12, rel=0.15)
    assert np.mean(1 / found) == pytest.approx(np.mean(1 / true), rel=0.1)


def test_the_probability_has_no_unit() -> None:
    table = np.random.default_rng(0).normal(1, 0.1, (6, 5))
    found = probabilities(table, int(table.mean(axis=1).argmax()))
    assert found.sum() == pytest.approx(1)
    for unit in (1e300, 1e-300):
        assert probabilities(table * unit, int(table.mean(axis=1).argmax())) == pytest.approx(found)


def test_one_seed_decides_nothing_of_how_sure() -> None:
    assert "one seed cannot show" in told([LEVEL, LEVEL + NOISE], seeds=1)
    assert told([LEVEL]).startswith("Only one configuration has finished. It reaches")


def test_a_small_loss_wins_where_small_is_good() -> None:
    made = study(of_rows(3, 5), np.array([LEVEL, LEVEL - 20 * NOISE, LEVEL]), np.random.default_rng(0))
    down = replace(made.metric, goal="minimize", kind="loss")
    found = decide(replace(made, metric=down, reported=down))
    assert found is not None
    assert found.winner.values == {"variant": "v1"}
    assert found.probability > 0.99


def test_a_value_is_dropped_when_all_that_it_may_be_good_with_has_run() -> None:
    """Model b is worse with both rates, rate 1 only with model a, which is the better one."""
    grid = {"model": ["a", "b"], "lr": [1, 2], "seed": [1, 2, 3, 4, 5]}
    truth = LEVEL + NOISE * np.array([0.0, 30.0, -30.0, -35.0])
    made = study(grid, truth, np.random.default_rng(0))
    assert [(each.parameter, each.value) for each in dropped(made)] == [("model", "b"), ("lr", 1)]
    assert dropped(made)[0].sentence.startswith("model b can be dropped: the best configuration has it with")
    not_yet = made.select(~((made.runs["model"] == "b") & (made.runs["lr"] == 1)))
    assert dropped(not_yet) == []
    assert dropped(made.select(made.runs["seed"] == 1)) == []


def test_seeds_that_show_a_difference() -> None:
    """Against the published sample size of a paired t test: 34 pairs for half a standard deviation."""
    assert seeds_to_show(0.5, 1.0) == 34
    assert seeds_to_show(0.0, 1.0) is None
    assert seeds_to_show(1e-9, 1.0) is None
    assert math.isnan(detectable(1.0, 1))
    assert detectable(1.0, 34) == pytest.approx(0.5, abs=0.01)


def test_no_point_of_the_front_is_beaten_and_its_volume_is_that_of_its_boxes() -> None:
    points = np.random.default_rng(0).random((30, 3))
    kept = undominated(points)
    for index, point in enumerate(points):
        beaten = any((other >= point).all() and (other > point).any() for other in points)
        assert (index in kept) == (not beaten)
    corners = np.random.default_rng(1).random((200_000, 3))
    inside = np.zeros(len(corners), dtype=bool)
    for point in points[kept]:
        inside |= (corners <= point).all(axis=1)
    assert hypervolume(points[kept]) == pytest.approx(inside.mean(), abs=0.01)
    assert hypervolume(np.array([[0.5, 0.5], [1.0, 0.25]])) == pytest.approx(0.375)
    for order in itertools.permutations(range(3)):
        assert hypervolume(points[kept][:, list(order)]) == pytest.approx(hypervolume(points[kept]))
