"""9. Questions: what batch size, epochs, test-set size and learning-rate decay do."""

from __future__ import annotations

import math
from functools import partial

import pandas as pd

from analysis import figures
from analysis.baselines import chance_level
from analysis.findings import compare
from analysis.points import axes
from analysis.rendering import percent
from analysis.section import Chart, Choices, Section
from analysis.study import Study

TITLE = "Questions"
ASKED = {  # names of the parameter -> the question, and the sweep that answers it
    ("batch-size", "batch_size"): ("What does the batch size do?", "sweeps/batch-size.yaml"),
    ("epochs",): ("What do more epochs do?", "sweeps/epochs.yaml"),
    ("schedule",): ("Does lowering the learning rate help?", "sweeps/lr-decay.yaml"),
}


def section(study: Study, _choices: Choices) -> Section:
    """Every question with its answer, or the sweep that would answer it."""
    parts, charts = [], []
    for names, (question, sweep) in ASKED.items():
        name = next((name for name in names if name in study.parameters), None)
        runs = study.finished.iloc[:0] if name is None else _of_sweeps_that_vary(study, name)
        if name is None or runs.empty:
            parts.append(f"**{question}** These runs do not tell: run `{sweep}` and name it too.")
        else:
            parts.append(f"**{question}** {compare(study, runs, name, 'Over its sweep')}")
            charts.append(_chart(study, runs, name, question))
    return Section(TITLE, "\n\n".join([*parts, _test_size(study)]), tuple(charts))


def _of_sweeps_that_vary(study: Study, name: str) -> pd.DataFrame:
    """Finished runs of those sweeps only that ask the question: others differ in more than its parameter."""
    asking = [sweep.id for sweep in study.sweeps if len(axes(sweep.config).get(name, (0, 1))) > 1]
    runs = study.finished
    return runs[runs["sweep_id"].isin(asking) & runs[name].notna() & runs["test_acc"].notna()]


def _chart(study: Study, runs: pd.DataFrame, name: str, question: str) -> Chart:
    levels = {name: study.levels(name)}
    chance = chance_level(study.class_counts)
    draw = partial(figures.effects, runs, [name], levels=levels, chance=chance, title=question)
    return Chart(f"question-{name}", question, draw)


def _test_size(study: Study) -> str:
    """No runs are needed: the share of right answers among n images is binomial."""
    question = "**What does the size of the test set do?**"
    total = sum(study.class_counts.get("test", ()))
    best = study.finished["test_acc"].max()
    if not total or math.isnan(best):
        return f"{question} The number of test images is not known."
    errors = {n: math.sqrt(best * (1 - best) / n) for n in (total, total // 4, 4 * total)}
    here, quarter, fourfold = (percent(error) for error in errors.values())
    return (
        f"{question} An accuracy of {percent(best)} % measured on {total:,} images has a standard error of "
        f"{here} points from the choice of the images alone (binomial): {quarter} with a quarter as many "
        f"images, {fourfold} with four times as many. More seeds do not lower it."
    )
