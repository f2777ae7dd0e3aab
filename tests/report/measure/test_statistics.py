"""Intervals and tests against published figures, scipy, and what must hold for any sample."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from metasweep.report.measure.statistics import (
    against,
    half_width,
    holm,
    interval,
    paired_t,
    standard_deviation,
)

SAMPLES = st.lists(st.floats(0, 1), min_size=2, max_size=20)
P_VALUES = st.lists(st.floats(0, 1), max_size=7)
PUBLISHED = [  # std, n, normal half-width as printed in the reference table, Student's t
    (1.359, 7, "1.007", "1.257"),
    (0.719, 9, "0.470", "0.553"),
    (2.035, 8, "1.410", "1.701"),
    (0.6406, 7, "0.475", "0.592"),
]


@pytest.mark.parametrize(("std", "n", "normal", "student"), PUBLISHED)
def test_published_half_widths(std: float, n: int, normal: str, student: str) -> None:
    assert f"{half_width(std, n, 'normal'):.3f}" == normal
    assert f"{half_width(std, n, 't'):.3f}" == student


@given(SAMPLES, st.floats(0.5, 0.999))
def test_student_interval_is_scipys(sample: list[float], confidence: float) -> None:
    found = interval(sample, "t", confidence)
    assert found.std == pytest.approx(np.std(sample, ddof=1))
    sem = scipy.stats.sem(sample)
    if sem > 0:
        low, high = scipy.stats.t.interval(confidence, len(sample) - 1, np.mean(sample), sem)
        assert (found.low, found.high) == pytest.approx((low, high))


@given(SAMPLES)
def test_intervals_scale_with_the_sample(sample: list[float]) -> None:
    for method in ("t", "normal", "bootstrap"):
        fractions = interval(sample, method)
        percents = interval([100 * value for value in sample], method)
        assert percents.half_width == pytest.approx(100 * fractions.half_width, abs=1e-9)
        assert interval([*sample, math.nan], method) == fractions


def test_bootstrap_is_scipys() -> None:
    sample = np.random.default_rng(3).normal(0.98, 0.01, 12)
    theirs = scipy.stats.bootstrap(
        (sample,), np.mean, method="percentile", random_state=1
    ).confidence_interval
    assert interval(sample, "bootstrap").half_width == pytest.approx((theirs.high - theirs.low) / 2, rel=0.05)


@pytest.mark.parametrize(("sample", "n"), [([], 0), ([math.nan], 0), ([0.5], 1)])
def test_no_spread_without_two_values(sample: list[float], n: int) -> None:
    found = interval(sample)
    assert found.n == n
    assert math.isnan(found.half_width)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=12))
def test_paired_t_is_scipys(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    found = paired_t(a, b)
    if np.std(a - b) > 1e-6:
        assert found.p_value == pytest.approx(scipy.stats.ttest_rel(a, b).pvalue)
    assert paired_t(b, a).p_value == found.p_value


def test_paired_t_at_its_edges() -> None:
    assert paired_t([0.9, 0.8], [0.9, 0.8]).p_value == 1
    for n, told in ((2, False), (3, True)):  # the same difference for every seed: steps of images
        assert (paired_t([0.75] * n, [0.5] * n).p_value < 0.05) is told
    assert math.isnan(paired_t([0.9], [0.8]).p_value)


def test_coarse_accuracies_of_two_seeds_are_rarely_called_different() -> None:
    """On 100 images equal differences are common: without a spread they must not be certain."""
    draws = np.random.default_rng(0).normal(0.97, 0.005, (2000, 2, 2)).round(2)
    assert np.mean([paired_t(a, b).p_value < 0.05 for a, b in draws]) < 0.05


def test_against_the_best_is_holm_over_all_pairs() -> None:
    means = [0.90, 0.93, 0.91, 0.92]
    noise = np.random.default_rng(1).normal(0, 0.01, (4, 6))
    samples = [pd.Series(mean + row, index=range(6)) for mean, row in zip(means, noise, strict=True)]
    best = max(range(4), key=lambda index: samples[index].mean())
    samples[0] = samples[0].drop(index=2)  # only common seeds are compared
    raw = {}
    for a, b in itertools.combinations(range(4), 2):
        seeds = samples[a].index.intersection(samples[b].index)
        raw[frozenset((a, b))] = scipy.stats.ttest_rel(samples[a][seeds], samples[b][seeds]).pvalue
    ordered = sorted(raw, key=raw.__getitem__)
    steps = [min(1, (6 - rank) * raw[pair]) for rank, pair in enumerate(ordered)]
    found = against(best, samples)
    for other in set(range(4)) - {best}:
        rank = ordered.index(frozenset((best, other)))
        assert found[other].p_value == pytest.approx(max(steps[: rank + 1]))
        assert found[other].difference > 0
    assert math.isnan(found[best].p_value)


def test_the_best_of_equals_is_rarely_called_better() -> None:
    draws = np.random.default_rng(0).normal(size=(600, 5, 10))
    called = 0
    for draw in draws:
        best = int(draw.mean(axis=1).argmax())
        tests = against(best, [pd.Series(sample) for sample in draw])
        called += any(test.p_value < 0.05 for test in tests)
    assert 0.01 < called / len(draws) < 0.06


@given(P_VALUES)
def test_holm_is_the_closure_of_bonferroni(p_values: list[float]) -> None:
    """Holm rejects a hypothesis when Bonferroni rejects every set of hypotheses that holds it."""
    indices = range(len(p_values))
    sets = [set(s) for size in indices for s in itertools.combinations(indices, size + 1)]
    for index, adjusted in enumerate(holm(p_values)):
        closed = max(min(1.0, len(s) * min(p_values[i] for i in s)) for s in sets if index in s)
        assert adjusted == pytest.approx(closed)


def test_holm_leaves_out_what_was_not_tested() -> None:
    assert holm([0.01, math.nan, 0.04])[:1] == [0.02]
    assert math.isnan(holm([0.01, math.nan])[1])


@pytest.mark.parametrize("unit", [1e299, 1e-299])
def test_no_unit_is_too_large_or_too_small(unit: float) -> None:
    """Squares of such numbers overflow or vanish: the measures must be those of the same numbers near 1."""
    a, b = np.random.default_rng(0).normal(1, 0.3, (2, 5))
    assert interval(a * unit).half_width / unit == pytest.approx(interval(a).half_width)
    assert paired_t(a * unit, b * unit).p_value == pytest.approx(paired_t(a, b).p_value)
    assert standard_deviation(a * unit) / unit == pytest.approx(np.std(a, ddof=1))


def test_the_smallest_numbers_differ() -> None:
    assert paired_t([5e-324, 1e-323, 2e-323], [1e-323, 3e-323, 5e-323]).p_value < 0.2
