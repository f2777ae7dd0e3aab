"""Convergent, divergent and single runs."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from metasweep.report import figures
from metasweep.report.base.listing import Listing
from metasweep.report.base.words import in_markdown, number_of, parameter_name, percent, value
from metasweep.report.measure import curves
from metasweep.report.measure.baselines import chance_of
from metasweep.report.read.study import SEED, Study
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "How the runs went"


def section(study: Study, choices: Choices) -> Section:
    """Curves of the good runs, of the bad ones with a word for each, and of the most informative ones."""
    good = curves.converged(study, choices.converged)
    bad = curves.diverged(study, choices.diverged)
    highlights = curves.highlights(study)
    charts = [_converged(study, good), _diverged(study, bad), _single(study, highlights)]
    text = [
        words
        for about, runs in ((_about_good, good), (_about_bad, bad))
        if (words := about(study, runs, choices))
    ]
    if not np.isfinite(study.history[study.reported.column]).any():
        text.append(f"There are no curves: no run logged {in_markdown(study.reported.name)} with its steps.")
    listings = {"single-runs": _listing(study, highlights)} if highlights else {}
    return Section(TITLE, "\n\n".join(text), tuple(chart for chart in charts if chart), listings)


def _about_good(study: Study, good: pd.DataFrame, choices: Choices) -> str:
    known = study.finished[study.reported.column].notna()
    if not known.any():
        return f"No finished run has a finite {in_markdown(study.reported.name)}."
    if not study.reported.is_accuracy:
        return f"The best quarter by {in_markdown(study.reported.words)}: {number_of(len(good), 'run')}."
    number = {0: "No run ends", 1: "1 run ends"}.get(len(good), f"{len(good)} runs end")
    missing = int((~known & ~study.finished["diverged"]).sum())
    without = f"; {number_of(missing, 'run')} ended without it" if missing else ""
    return f"{number} above {percent(choices.converged, 0)} % {study.reported.words}{without}."


def _about_bad(study: Study, bad: pd.DataFrame, choices: Choices) -> str:
    if bad.empty and not study.finished[study.reported.column].notna().any():
        return ""
    below = (
        f"below {percent(choices.diverged, 0)} %" if study.reported.is_accuracy else "far behind the others"
    )
    if (bad["word"] == curves.NAN).any():
        below += " or as NaN"
    if bad.empty:
        return f"No run ends {below}."
    words = Counter(bad["word"])
    parts = [f"{count} {word} ({curves.MEANING[word]})" for word, count in words.most_common()]
    number = f"{len(bad)} runs end" if len(bad) != 1 else "1 run ends"
    return f"{number} {below}: " + "; ".join(parts) + "."


def _converged(study: Study, good: pd.DataFrame) -> Chart | None:
    rows = study.history_of(good["run_id"])
    metric = study.reported
    if not np.isfinite(rows[metric.column]).any():
        return None
    title = "Convergent runs" if metric.is_accuracy else "The best quarter of the runs"
    draw = partial(figures.convergence, rows, metric=metric, title=title)
    return Chart("convergent", title, draw)


def _diverged(study: Study, bad: pd.DataFrame) -> Chart | None:
    if bad.empty:
        return None
    reasons = dict(zip(bad["run_id"], bad["word"], strict=True))
    chance = chance_of(study)
    draw = partial(
        figures.divergence, study.history_of(bad["run_id"]), reasons, metric=study.reported, chance=chance
    )
    return Chart("divergent", "Divergent runs", draw)


def _single(study: Study, highlights: list[curves.Highlight]) -> Chart | None:
    if not highlights:
        return None
    runs = study.runs.set_index("run_id")
    cases = [(case.run_id, case.word, configuration(study, runs.loc[case.run_id])) for case in highlights]
    history = study.history_of([case.run_id for case in highlights])
    drawn = [study.reported, study.loss]
    pairs = [(study.companion("train", like=metric), metric) for metric in drawn if metric is not None]
    if not any(np.isfinite(history[metric.column]).any() for _, metric in pairs):
        return None
    return Chart("single-runs", "Single runs", partial(figures.single_runs, history, cases, metrics=pairs))


def _listing(study: Study, highlights: list[curves.Highlight]) -> Listing:
    runs = study.runs.set_index("run_id")
    rows, records, metric = [], [], study.reported
    for case in highlights:
        run = runs.loc[case.run_id]
        change = metric.show(case.value) if case.word in curves.GAINS else ""
        shown = metric.show(run[metric.column])
        rows.append([case.word, run["name"], configuration(study, run), shown, change])
        records.append({"why": case.word, "run_id": case.run_id, "url": run["url"], "value": case.value})
    return Listing(["run", "name", "configuration", metric.heading, "gain or fall"], rows, records)


def configuration(study: Study, run: pd.Series) -> str:
    """Return `cnn, lr 0.001, adam, dp 0.1, seed 3`: words stand alone, all else needs its name."""
    names = [*study.parameters, *([SEED] if SEED in run.index else [])]
    return ", ".join(
        value(run[n]) if _is_word(run[n]) else f"{parameter_name(n)} {value(run[n])}" for n in names
    )


def _is_word(item: Any) -> bool:
    return (
        isinstance(item, str) and item[:1].isalpha() and item.lower() not in ("none", "null", "true", "false")
    )
