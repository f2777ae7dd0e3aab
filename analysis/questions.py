"""Questions: the effects of batch size, epochs, test-set size and learning-rate decay."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from metasweep.report import figures
from metasweep.report.base.words import in_markdown, parameter_name, percent
from metasweep.report.measure.baselines import chance_of
from metasweep.report.measure.comparisons import best_by, compare, spread
from metasweep.report.read.records import repeated
from metasweep.report.read.study import TEST_SIZE, Study
from metasweep.report.sections.section import Chart, Choices, Section
from metasweep.sweeps.points import varied

TITLE = "Questions"


@dataclass(frozen=True)
class Question:
    """A question about one parameter, which a small sweep answers."""

    names: tuple[str, ...]
    """The possible names of the parameter."""
    text: str
    sweep: str
    best: str = ""
    """Another parameter, whose best value may depend on this one."""
    by: tuple[str, ...] = ()
    """Other parameters, on which the best value of this one may depend."""

    def pairing(self, name: str) -> list[str]:
        """Return the parameter whose best value is wanted, and those by which it is split.

        Empty if there is none.
        """
        if self.best:
            return [self.best, name]
        return [name, *self.by] if self.by else []


QUESTIONS = (
    Question(
        ("batch-size", "batch_size"), "What does the batch size do?", "sweeps/batch-size.yaml", best="lr"
    ),
    Question(("epochs",), "What do more epochs do?", "sweeps/epochs.yaml", best="dp"),
    Question(TEST_SIZE, "What does the size of the test set do?", "sweeps/test-size.yaml"),
    Question(
        ("schedule",),
        "Does lowering the learning rate help?",
        "sweeps/lr-decay.yaml",
        by=("optimizer", "lr"),
    ),
)


def section(study: Study, _choices: Choices) -> Section:
    """Every question with its answer, or the sweep that would answer it."""
    parts, charts = [], []
    for question in QUESTIONS:
        name = next((name for name in question.names if name in study.parameters), None)
        runs = study.finished.iloc[:0] if name is None else _of_sweeps_that_vary(study, name)
        if name is None or runs.empty:
            answers = [f"These runs do not tell: run `{question.sweep}` and name it too."]
        else:
            answers = [in_markdown(compare(study, runs, name, "Over its sweep"))]
            charts.append(_chart(study, runs, name, question.text))
            pairing = question.pairing(name)
            if pairing and set(pairing) <= set(study.parameters) and runs[pairing].nunique().min() > 1:
                best, *others = pairing
                answers.append(in_markdown(best_by(study, runs, best, others)))
                charts += [_pair(study, runs, best, other) for other in others]
        if question.names == TEST_SIZE:
            answers += _about_images(study, runs, name)
        parts.append(f"**{question.text}** {' '.join(answers)}")
    return Section(TITLE, "\n\n".join(parts), tuple(charts))


def _of_sweeps_that_vary(study: Study, name: str) -> pd.DataFrame:
    """Return finished runs of sweeps that vary the parameter; other sweeps differ in more than it.

    Each point appears once, even if another sweep of the study finished it first.
    """
    asking = [sweep.id for sweep in study.sweeps if name in varied(sweep.config)]
    runs = study.runs
    known = (runs["state"] == "finished") & runs[name].notna() & runs[study.reported.column].notna()
    runs = runs[known & runs["sweep_id"].isin(asking)]
    return runs[~repeated(runs)].reset_index(drop=True)


def _chart(study: Study, runs: pd.DataFrame, name: str, question: str) -> Chart:
    levels = {name: _levels(study, runs, name)}
    chance = chance_of(study)
    draw = partial(
        figures.effects, runs, [name], metric=study.reported, levels=levels, chance=chance, title=question
    )
    return Chart(f"question-{name}", question, draw)


def _levels(study: Study, runs: pd.DataFrame, name: str) -> list[Hashable]:
    """Return the values that these runs have; another sweep may have more."""
    return [level for level in study.levels(name) if (runs[name] == level).any()]


def _pair(study: Study, runs: pd.DataFrame, row: str, column: str) -> Chart:
    title = f"{parameter_name(row)} by {parameter_name(column)}"
    levels = {name: _levels(study, runs, name) for name in (row, column)}
    draw = partial(figures.interaction, runs, row, column, metric=study.reported, levels=levels, title=title)
    return Chart(f"question-{row}-{column}", title, draw)


def _about_images(study: Study, runs: pd.DataFrame, name: str | None) -> list[str]:
    """Say how the number of test images affects the spread: as measured, and by the binomial distribution."""
    measured = [] if name is None or runs.empty else [in_markdown(spread(study, runs, name))]
    total = sum(study.class_counts.get("test", ()))
    column = study.reported.column
    # On few images a lucky run reaches 100 %, so take the mean if the sizes differ.
    reached = study.finished[column].max() if runs.empty else runs[column].mean()
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
