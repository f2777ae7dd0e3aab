"""Functional ANOVA against tables computed by hand, and both importances against known truths."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metasweep.report.measure.forest import permutation
from metasweep.report.measure.importance import anova, correlation, factorial
from metasweep.report.read.study import TEST_ACCURACY
from metasweep.report.sections.importance import listing, measure
from tests.report.synthetic import synthetic_study


def test_two_by_two_by_hand() -> None:
    # Cells 1 2 and 3 8, two seeds ±0.5 each: mean 3.5, rows ±2, columns ±1.5, interaction ±1, seeds 0.25.
    cells = np.array([[1.0, 2.0], [3.0, 8.0]])
    found = anova(("a", "b"), np.stack([cells - 0.5, cells + 0.5], axis=-1), TEST_ACCURACY)
    # The variance within cells is 0.5 (n - 1), so noise adds 0.5 / 8 to each mean square.
    variance, noise = 4 + 2.25 + 1 + 0.25, 0.5 / 8
    shares = {effect.parameters: effect.share for effect in found.effects}
    parts = {("a",): 4 - noise, ("b",): 2.25 - noise, ("a", "b"): 1 - noise}
    assert shares == pytest.approx({axes: part / variance for axes, part in parts.items()})
    assert found.error == pytest.approx((0.25 + 3 * noise) / variance)
    totals = {effect.parameters[0]: effect.share for effect in found.totals}
    assert totals == pytest.approx({"a": (5 - 2 * noise) / variance, "b": (3.25 - 2 * noise) / variance})
    low, high = found.effects[0].low, found.effects[0].high
    assert 0 < low < shares[("a",)] < high < 1


@given(arrays(float, (2, 3, 2, 3), elements=st.floats(0, 1)))
def test_shares_add_up(outcome: np.ndarray) -> None:
    found = anova(("a", "b", "c"), outcome, TEST_ACCURACY)
    if outcome.var() > 1e-9:
        assert found.error + sum(effect.share for effect in found.effects) == pytest.approx(1)
    assert all(effect.share >= 0 for effect in found.effects)


def test_known_truth() -> None:
    """lr explains nine times what the model does, dropout nothing, whatever the noise of the seeds."""
    study = synthetic_study()
    runs = study.runs
    noise = np.random.default_rng(0).normal(0, 0.002, len(runs))
    level = np.log10(runs["lr"]).map({-5: -1, -4: -0.5, -3: 0, -2: 0.5, -1: 1})  # variance 0.5
    runs["test/acc"] = (
        0.5 + 0.03 * np.sqrt(2) * level + 0.01 * np.where(runs["model"] == "cnn", 1, -1) + noise
    )
    complete = factorial(study, TEST_ACCURACY)
    assert complete is not None
    found = {effect.parameters: effect for effect in anova(*complete, TEST_ACCURACY).effects}
    assert found[("lr",)].share == pytest.approx(0.9, abs=0.01)
    assert found[("model",)].share == pytest.approx(0.1, abs=0.01)
    assert found[("dp",)].share < 0.002
    holes = study.select(pd.Series(np.random.default_rng(1).random(len(runs)) < 0.7))
    assert factorial(holes, TEST_ACCURACY) is None
    estimated = permutation(holes, TEST_ACCURACY)
    assert estimated is not None
    totals = {effect.parameters[0]: effect.share for effect in estimated.totals}
    assert totals["lr"] == pytest.approx(0.9, abs=0.15)
    assert totals["dp"] == pytest.approx(0, abs=0.01)
    assert correlation(runs, "lr", TEST_ACCURACY) == pytest.approx(np.sqrt(0.9), abs=0.01)
    assert math.isnan(correlation(runs, "model", TEST_ACCURACY))


def test_a_correlation_that_depends_on_another_parameter_is_told() -> None:
    study = synthetic_study()
    runs = study.runs
    slope = np.where(runs["optimizer"] == "sgd", 0.05, -0.03)
    runs["test/acc"] = 0.8 + slope * np.log10(runs["lr"]) + 0.02 * np.sin(range(len(runs)))
    found = measure(study, TEST_ACCURACY)
    assert found is not None
    by_optimizer = {
        name: np.corrcoef(np.log10(part["lr"]), part["test/acc"])[0, 1]
        for name, part in runs.groupby("optimizer")
    }
    told = " ".join(listing(study, found).notes)
    words = ", ".join(f"{by_optimizer[name]:+.2f} at {name}" for name in ("sgd", "adam"))
    assert f"That with lr depends on optimizer: {words}." in told
    assert "depends on model" not in told


def test_one_seed_does_not_tell_what_seeds_do() -> None:
    study = synthetic_study()
    alone = study.select(study.runs["seed"] == 1)
    found = measure(alone, TEST_ACCURACY)
    assert found is not None
    table = listing(alone, found)
    assert table.rows[-1] == ["seed and the rest", "–", "", ""]
    assert "of one seed" in table.notes[0]
