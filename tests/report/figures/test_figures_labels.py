"""Any study, however odd its names and values: every figure is drawn, and all its labels can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from metasweep.report import figures
from tests.report.figures.figure_texts import misplaced
from tests.report.synthetic import synthetic_study

NAMES = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(
        ["lr", "dp", "a_very_long_name_that_nobody_wants_to_type_twice", "$\\frac{1}{2}$", "日本語", "__"]
    ),
)
COLUMNS = st.one_of(
    st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=30),
    st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=30),
    st.lists(st.integers(0, 10**6), min_size=1, max_size=5),
    st.lists(NAMES, min_size=1, max_size=30),
    st.lists(st.one_of(st.none(), st.booleans(), NAMES, st.floats(0, 1)), min_size=1, max_size=8),
)
ACCURACIES = st.lists(
    st.one_of(st.floats(0, 1), st.floats(0.97, 1), st.sampled_from([0.1, 1.0, float("nan")])),
    min_size=1,
    max_size=40,
)
STUDIES = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    max_examples=12,
)


@st.composite
def studies(draw: st.DrawFn) -> tuple[pd.DataFrame, list[str]]:
    """Runs with one to seven parameters of any kind, and accuracies with gaps."""
    test = draw(ACCURACIES)
    n = len(test)
    names = draw(st.lists(NAMES, min_size=1, max_size=7, unique=True))
    frame: dict[str, Any] = {}
    for name in names:
        values = draw(COLUMNS)
        frame[name] = pd.Series([values[i % len(values)] for i in range(n)], dtype=object)
    shift = draw(st.floats(-0.01, 0.01))
    frame["val/acc"] = np.clip(np.asarray(test) + shift, 0, 1)
    frame["test/acc"] = test
    return pd.DataFrame(frame), names


@STUDIES
@given(studies(), st.sampled_from([None, 0.1135]), st.sampled_from(["light", "dark"]))
def test_parallel_coordinates_of_any_study_can_be_read(
    study: tuple[pd.DataFrame, list[str]], chance: float | None, theme: str
) -> None:
    runs, names = study
    figure = figures.parallel_coordinates(runs, names, chance=chance, title="Any study", theme=theme)
    assert misplaced(figure) == []


@STUDIES
@given(studies())
def test_effects_of_any_study_can_be_read(study: tuple[pd.DataFrame, list[str]]) -> None:
    runs, names = study
    if runs["test/acc"].notna().any():
        assert misplaced(figures.effects(runs, names, chance=0.1135, title="Any study")) == []
    else:
        with pytest.raises(ValueError, match="run with a value"):
            figures.effects(runs, names, chance=0.1135)


@STUDIES
@given(
    st.dictionaries(
        st.sampled_from(["train", "val", "test"]),
        st.lists(st.integers(0, 10**6), min_size=1, max_size=40),
        min_size=1,
    ),
    st.lists(NAMES, max_size=12),
)
def test_class_histograms_of_any_data_set_can_be_read(counts: dict[str, list[int]], names: list[str]) -> None:
    assert misplaced(figures.class_histograms(counts, names)) == []


def test_every_figure_of_a_grid_can_be_read() -> None:
    study = synthetic_study()
    runs, history = study.finished, study.history
    good, bad = runs[runs["test/acc"] > 0.98], runs[runs["test/acc"] < 0.3]
    reasons = {run: ("at chance from the start", "too slow")[i % 2] for i, run in enumerate(bad["run_id"])}
    cases = [
        (run, "The most improved run", "model cnn, learning rate 0.1, sgd") for run in runs["run_id"][:4]
    ]
    explained = pd.DataFrame(
        {"main": [0.62, 0.004], "total": [0.8, 0.02], "low": [0.5, 0.0], "high": [0.9, 0.01]},
        index=["lr", "lr × optimizer"],
    ).assign(correlation=[0.6, np.nan])
    drawn = {
        "convergence": figures.convergence(history[history["run_id"].isin(good["run_id"])]),
        "divergence": figures.divergence(history, reasons, chance=0.1135),
        "single runs": figures.single_runs(history, cases),
        "effects by epoch": figures.effects_by_epoch(runs, history, study.parameters),
        "interaction": figures.interaction(runs, "optimizer", "lr", title="Learning rate and optimizer"),
        "importance": figures.importance(explained),
        "agreement": figures.agreement(runs, at_chance=3),
        "samples": figures.samples({str(i): np.zeros((3, 8, 8)) for i in range(10)}),
        "cost": figures.cost(runs, chance=0.12),
    }
    assert {name: faults for name, figure in drawn.items() if (faults := misplaced(figure))} == {}
