"""5. Convergent, divergent and single runs."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pandas as pd

from metasweep.report import figures
from metasweep.report.measure import curves
from metasweep.report.measure.baselines import chance_level
from metasweep.report.read.study import SEED, Study
from metasweep.report.rendering import Listing, percent, value
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "How the runs went"


def section(study: Study, choices: Choices) -> Section:
    """Curves of the good runs, of the bad ones with a word for each, and of the most telling ones."""
    good = curves.converged(study, choices.converged)
    bad = curves.diverged(study, choices.diverged)
    telling = curves.highlights(study)
    charts = [_converged(study, good), _diverged(study, bad), _single(study, telling)]
    text = [_about_good(good, choices), _about_bad(bad, choices)]
    listings = {"single-runs": _listing(study, telling)} if telling else {}
    return Section(TITLE, "\n\n".join(text), tuple(chart for chart in charts if chart), listings)


def _about_good(good: pd.DataFrame, choices: Choices) -> str:
    number = f"{len(good)} runs end" if len(good) != 1 else "1 run ends"
    return f"{number} above {percent(choices.converged, 0)} % test accuracy."


def _about_bad(bad: pd.DataFrame, choices: Choices) -> str:
    below = f"below {percent(choices.diverged, 0)} %"
    if bad.empty:
        return f"No run ends {below}."
    words = Counter(bad["word"])
    parts = [f"{count} {word} ({curves.MEANING[word]})" for word, count in words.most_common()]
    number = f"{len(bad)} runs end" if len(bad) != 1 else "1 run ends"
    return f"{number} {below}: " + "; ".join(parts) + "."


def _converged(study: Study, good: pd.DataFrame) -> Chart | None:
    rows = study.history_of(good["run_id"])
    if not rows["test_acc"].notna().any():
        return None
    title = "Convergent runs"
    return Chart("convergent", title, partial(figures.convergence, rows, title=title))


def _diverged(study: Study, bad: pd.DataFrame) -> Chart | None:
    if bad.empty:
        return None
    reasons = dict(zip(bad["run_id"], bad["word"], strict=True))
    chance = chance_level(study.class_counts)
    draw = partial(figures.divergence, study.history_of(bad["run_id"]), reasons, chance=chance)
    return Chart("divergent", "Divergent runs", draw)


def _single(study: Study, telling: list[curves.Highlight]) -> Chart | None:
    if not telling:
        return None
    runs = study.runs.set_index("run_id")
    cases = [(case.run_id, case.word, configuration(study, runs.loc[case.run_id])) for case in telling]
    history = study.history_of([case.run_id for case in telling])
    return Chart("single-runs", "Single runs", partial(figures.single_runs, history, cases))


def _listing(study: Study, telling: list[curves.Highlight]) -> Listing:
    runs = study.runs.set_index("run_id")
    rows, records = [], []
    for case in telling:
        run = runs.loc[case.run_id]
        change = percent(case.value) if case.word in curves.GAINS else ""
        rows.append([case.word, run["name"], configuration(study, run), percent(run["test_acc"]), change])
        records.append({"why": case.word, "run_id": case.run_id, "url": run["url"], "value": case.value})
    return Listing(["run", "name", "configuration", "test %", "gain or fall"], rows, records)


def configuration(study: Study, run: pd.Series) -> str:
    """`cnn, lr 0.001, adam, dp 0.1, seed 3`: words speak for themselves, numbers need their name."""
    names = [*study.parameters, *([SEED] if SEED in run.index else [])]
    return ", ".join(value(run[n]) if isinstance(run[n], str) else f"{n} {value(run[n])}" for n in names)
