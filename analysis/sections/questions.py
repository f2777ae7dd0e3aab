"""9. Questions: what batch size, epochs, test-set size and learning-rate decay do."""

from __future__ import annotations

import math
from collections.abc import Hashable
from functools import partial

import pandas as pd

from analysis import figures
from analysis.baselines import chance_level
from analysis.figures import text
from analysis.findings import best_by, compare, spread
from analysis.points import repeated, varied
from analysis.rendering import percent
from analysis.section import Chart, Choices, Section
from analysis.study import TEST_SIZE, Study

TITLE = "Questions"
ITSELF = ""
ASKED = {  # names of the parameter -> the question, the sweep that answers it, and what is best by what
    ("batch-size", "batch_size"): (
        "What does the batch size do?",
        "sweeps/batch-size.yaml",
        ("lr", [ITSELF]),
    ),
    ("epochs",): ("What do more epochs do?", "sweeps/epochs.yaml", ("dp", [ITSELF])),
    TEST_SIZE: ("What does the size of the test set do?", "sweeps/test-size.yaml", (ITSELF, [])),
    ("schedule",): (
        "Does lowering the learning rate help?",
        "sweeps/lr-decay.yaml",
        (ITSELF, ["optimizer", "lr"]),
    ),
}


def section(study: Study, _choices: Choices) -> Section:
    """Every question with its answer, or the sweep that would answer it."""
    parts, charts = [], []
    for names, (question, sweep, (best, by)) in ASKED.items():
        name = next((name for name in names if name in study.parameters), None)
        runs = study.finished.iloc[:0] if name is None else _of_sweeps_that_vary(study, name)
        if name is None or runs.empty:
            answers = [f"These runs do not tell: run `{sweep}` and name it too."]
        else:
            answers = [compare(study, runs, name, "Over its sweep")]
            charts.append(_chart(study, runs, name, question))
            best, others = best or name, [other or name for other in by]
            pair = [best, *others]
            if others and set(pair) <= set(study.parameters) and runs[pair].nunique().min() > 1:
                answers.append(best_by(study, runs, best, others))
                charts += [_pair(study, runs, best, other) for other in others]
        if names == TEST_SIZE:
            answers += _about_images(study, runs, name)
        parts.append(f"**{question}** {' '.join(answers)}")
    return Section(TITLE, "\n\n".join(parts), tuple(charts))


def _of_sweeps_that_vary(study: Study, name: str) -> pd.DataFrame:
    """Finished runs of those sweeps only that ask the question: others differ in more than its parameter.

    Each point once, but also those that another sweep of the study had finished before.
    """
    asking = {sweep.id: sweep.config for sweep in study.sweeps if name in varied(sweep.config)}
    runs = study.runs
    known = (runs["state"] == "finished") & runs[name].notna() & runs["test_acc"].notna()
    runs = runs[known & runs["sweep_id"].isin(list(asking))]
    return runs[~repeated(runs, asking)].reset_index(drop=True)


def _chart(study: Study, runs: pd.DataFrame, name: str, question: str) -> Chart:
    levels = {name: _levels(study, runs, name)}
    chance = chance_level(study.class_counts)
    draw = partial(figures.effects, runs, [name], levels=levels, chance=chance, title=question)
    return Chart(f"question-{name}", question, draw)


def _levels(study: Study, runs: pd.DataFrame, name: str) -> list[Hashable]:
    """Values that these runs have: another sweep may have more."""
    return [level for level in study.levels(name) if (runs[name] == level).any()]


def _pair(study: Study, runs: pd.DataFrame, row: str, column: str) -> Chart:
    title = f"{text.title_of(row)} by {text.title_of(column).lower()}"
    levels = {name: _levels(study, runs, name) for name in (row, column)}
    draw = partial(figures.interaction, runs, row, column, levels=levels, title=title)
    return Chart(f"question-{row}-{column}", title, draw)


def _about_images(study: Study, runs: pd.DataFrame, name: str | None) -> list[str]:
    """What the number of test images does to the spread: as measured, and as the binomial says."""
    measured = [] if name is None or runs.empty else [spread(study, runs, name)]
    total = sum(study.class_counts.get("test", ()))
    # On few images a lucky run reaches 100 %: their mean it is, where the sizes differ.
    reached = study.finished["test_acc"].max() if runs.empty else runs["test_acc"].mean()
    if not total or math.isnan(reached):
        return [*measured, "The number of test images is not known."]
    shares = [0.25, 1, 4] if name is None else [float(str(share)) for share in study.levels(name)]
    sizes = sorted({max(1, round(share * total)) for share in shares})
    errors = [f"{percent(math.sqrt(reached * (1 - reached) / n))} with {n:,}" for n in sizes]
    return [
        *measured,
        f"The choice of the images alone gives an accuracy of {percent(reached)} % a standard error "
        f"(binomial) of {', '.join(errors)} images, in percentage points. More seeds do not lower it.",
    ]
