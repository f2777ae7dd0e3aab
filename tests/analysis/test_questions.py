"""The questions of the study: each is answered by its own sweep, or says which sweep would answer it."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import questions
from analysis.__main__ import ORDER
from metasweep.report.read.study import Sweep
from metasweep.report.sections import make
from metasweep.report.sections.section import Choices
from tests.report.made_up import logged, study_of
from tests.report.synthetic import sweep_config, synthetic_study


def test_a_question_is_answered_by_its_own_sweep_alone() -> None:
    study = synthetic_study(
        {"model": ["cnn"], "lr": [0.001], "optimizer": ["adam"], "dp": [0.1], "seed": [1, 2, 3]}
    )
    text = questions.section(study, Choices()).text
    assert "run `sweeps/lr-decay.yaml`" in text
    best = study.runs["test/acc"].max()
    assert f"{100 * math.sqrt(best * (1 - best) / 10_000):.2f} with 10,000" in text
    asking = synthetic_study({"lr": [0.001], "schedule": ["constant", "step"], "seed": [1, 2, 3]})
    asking.runs["test/acc"] = [0.9, 0.91, 0.92, 0.95, 0.961, 0.97]
    asking.runs["sweep_id"] = "decay"
    other = Sweep("e/p/decay", "decay", "http://x", "FINISHED", asking.sweeps[0].config)
    joined = replace(
        study,
        runs=pd.concat([study.runs, asking.runs], ignore_index=True),
        sweeps=(*study.sweeps, other),
        parameters=("model", "schedule"),
    )
    answer = questions.section(joined, Choices())
    assert (
        "schedule step is best on average (96.03 % test accuracy); it beats constant by 5.03" in answer.text
    )
    assert [chart.name for chart in answer.charts] == ["question-schedule"]


def test_a_larger_batch_asks_for_a_larger_learning_rate() -> None:
    """By construction 0.001 is best at 16, both are as good at 64, 0.01 is best at 256."""
    study = synthetic_study({"lr": [0.001, 0.01], "batch_size": [16, 64, 256], "seed": [1, 2, 3, 4, 5]})
    runs = study.runs
    noise = np.random.default_rng(2).normal(0, 0.001, len(runs))
    gain = runs["batch_size"].map({16: -0.02, 64: 0.0, 256: 0.03}) * (runs["lr"] == 0.01)
    runs["test/acc"] = 0.9 + gain + noise
    stranger = runs.iloc[:1].assign(run_id="x", sweep_id="other", lr=0.1, seed=9, **{"test/acc": 0.99})
    config = sweep_config({"lr": [0.1], "batch_size": [16]})
    joined = replace(
        study,
        runs=pd.concat([runs, stranger], ignore_index=True),
        sweeps=(*study.sweeps, Sweep("e/p/other", "other", "http://x", "FINISHED", config)),
    )
    section = questions.section(joined, Choices())
    told = re.search(r"Best lr by batch_size, [^:]+: (.+?) at 16; (.+?) at 64; (.+?) at 256\.", section.text)
    assert told is not None
    assert (told[1], told[3]) == ("0.001", "0.01")
    assert told[2] in ("0.001 (0.01)", "0.01 (0.001)")
    assert "batch_size 256 is best on average" in section.text
    assert [chart.name for chart in section.charts] == ["question-batch_size", "question-lr-batch_size"]
    assert section.charts[1].draw.keywords["levels"]["lr"] == [0.001, 0.01]
    before = joined.runs.assign(duplicate=joined.runs["batch_size"] == 64)  # finished in another sweep
    assert questions.section(replace(joined, runs=before), Choices()).text == section.text


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
    (unasked,) = make(study_of(), Choices(only=("questions",)), ORDER)
    assert "run `sweeps/test-size.yaml`" in unasked.text


@pytest.mark.parametrize("name", ["batch-size", "epochs", "test-size", "lr-decay"])
def test_every_question_has_its_sweep(name: str) -> None:
    (section,) = make(study_of(), Choices(only=("questions",)), ORDER)
    assert f"`sweeps/{name}.yaml`" in section.text
    assert (Path(__file__).parents[2] / "sweeps" / f"{name}.yaml").is_file()
