"""Importance: how much of the outcome each hyper-parameter explains."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from metasweep.report import figures
from metasweep.report.base.listing import Listing
from metasweep.report.base.words import file_name, parameter_name, percent, value
from metasweep.report.measure.forest import FEWEST_RUNS, permutation
from metasweep.report.measure.importance import (
    Effect,
    Importance,
    anova,
    correlation,
    factorial,
)
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import Study
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "Importance"
SHOWN_INTERACTIONS = 6
SHOWN_PARAMETERS = 20
LEAST = 5e-5  # share from which two decimals are not 0.00 %
MOST_LEVELS = 5  # of a parameter by which correlations are split
# if correlations of both signs are at least this large, one number for all runs hides something
OPPOSED = 0.2
WORDS = {
    "anova": "The grid is complete, so the variance over its runs splits exactly into main effects, "
    "interactions and what the seeds do (functional ANOVA). Noise adds something to every "
    "effect. With several seeds this part is known, and is subtracted.",
    "permutation": "The runs are no complete grid, so a random forest estimates the total index: half the "
    "rise of its squared error on unseen runs when a hyper-parameter is shuffled. How far that is from the "
    "truth is not known: there is no interval.",
}


def section(study: Study, _choices: Choices) -> Section:
    """For what is reported, and for the loss beside it."""
    wanted = [metric for metric in (study.reported, study.loss) if metric is not None]
    known = [found for metric in wanted if (found := measure(study, metric)) is not None]
    if not known:
        return Section(TITLE, too_little(study))
    text = dict.fromkeys(WORDS[importance.method] for importance in known)
    charts = tuple(_chart(study, importance) for importance in known)
    listings = {f"importance-{file_name(found.metric.name)}": listing(study, found) for found in known}
    return Section(TITLE, "\n\n".join(text), charts, listings)


def too_little(study: Study) -> str:
    """Return why nothing can be said."""
    values = study.finished[study.reported.column].dropna()
    finished = len(values)
    if finished < FEWEST_RUNS and (finished < 2 or values.nunique() > 1):
        needed = (
            "the importance needs a complete grid of several hyper-parameters or with seeds, or "
            f"{FEWEST_RUNS} runs, there are {finished}"
        )
        return f"Too few finished runs: {needed}."
    return "The runs show no difference between them: nothing can be said."


def measure(study: Study, metric: Quantity) -> Importance | None:
    """Measure exactly on a complete grid, otherwise with a forest; None if there are too few runs."""
    complete = factorial(study, metric)
    alone = complete is not None and complete[1].shape[1:] == (1,)  # it would explain all, whatever it does
    if complete is not None and np.ptp(complete[1]) > 0 and not alone:
        return anova(*complete, metric)
    return permutation(study, metric)


def listing(study: Study, found: Importance) -> Listing:
    """Parameters by their total index, then the largest interactions."""
    main = {effect.parameters: effect for effect in found.effects}
    rows, records = [], []
    for total in found.totals:
        name = total.parameters[0]
        own = main.get(total.parameters)
        linear = correlation(study.finished, name, found.metric)
        shown = "–" if math.isnan(linear) else f"{linear:+.2f}"
        rows.append(
            [
                parameter_name(name),
                "" if own is None else _share(own),
                _share(total),
                shown,
            ]
        )
        records.append(
            {
                "effect": parameter_name(name),
                "main": math.nan if own is None else own.share,
                "total": total.share,
                "low": (own or total).low,
                "high": (own or total).high,
                "correlation": linear,
            }
        )
    for effect in [effect for effect in found.effects if len(effect.parameters) > 1][:SHOWN_INTERACTIONS]:
        rows.append([_crossed(effect), _share(effect), "", ""])
    records += [
        {"effect": _crossed(effect), "main": effect.share, "low": effect.low, "high": effect.high}
        for effect in found.effects
        if len(effect.parameters) > 1
    ]
    if found.effects:
        rows.append(["seed and the rest", percent(found.error), "", ""])
        records.append({"effect": "seed", "main": found.error})
    return Listing(
        headers=["effect", "% of the variance", "with interactions", "correlation"],
        rows=rows,
        records=records,
        notes=[_note(found, study)],
        data={"method": found.method, "metric": found.metric.name, "runs": found.runs},
    )


def _share(effect: Effect) -> str:
    """`92.60 (91.00 to 94.00)`, or the share alone; "0.00 to 0.00" would claim that it is known."""
    shown = percent(max(0.0, effect.share))  # what a forest estimates may be a little below 0
    return (
        shown
        if math.isnan(effect.low) or effect.high < LEAST
        else f"{shown} ({percent(effect.low)} to {percent(effect.high)})"
    )


def _crossed(effect: Effect) -> str:
    return " × ".join(map(parameter_name, effect.parameters))


def _note(found: Importance, study: Study) -> str:
    exact = found.method == "anova"
    note = f"Of {found.metric.words}, {found.runs} runs"
    if exact and math.isnan(found.error):
        note += ", of one seed: what it does is part of the effects."
    elif exact:
        note += "; in brackets 95 % intervals over seeds (noncentral F)."
    else:
        note += "."
    if max(total.share for total in found.totals) > 1:
        note += " Above 100 %: the estimate is rough"
        note += ", since shuffling makes combinations that no run has." if len(found.totals) > 1 else "."
    left_out = len(study.finished) - found.runs
    if left_out:
        note += f" {left_out} runs without a finite value, or with a seed that not all have, are left out."
    return " ".join(
        [note, "Correlation: Pearson's, with log10 of what is spaced by factors.", *_opposed(study, found)]
    )


def _opposed(study: Study, found: Importance) -> Iterator[str]:
    """Yield where the sign of a correlation with a parameter depends on the value of another."""
    names = [total.parameters[0] for total in found.totals]
    runs = study.finished
    for name, other in itertools.permutations(names, 2):
        if len(study.levels(other)) > MOST_LEVELS:
            continue
        by_level = {
            level: correlation(runs[runs[other] == level], name, found.metric)
            for level in study.levels(other)
        }
        known = [r for r in by_level.values() if not math.isnan(r)]
        if known and min(known) < -OPPOSED and max(known) > OPPOSED:
            parts = (f"{r:+.2f} at {value(level)}" for level, r in by_level.items() if not math.isnan(r))
            yield (
                f"That with {parameter_name(name)} depends on {parameter_name(other)}: {', '.join(parts)}."
            )


def _chart(study: Study, found: Importance) -> Chart:
    main = {effect.parameters[0]: effect for effect in found.effects if len(effect.parameters) == 1}
    rows = {}
    for total in found.totals[:SHOWN_PARAMETERS]:
        name = total.parameters[0]
        shown = main.get(name, total)
        rows[parameter_name(name)] = {
            "main": main[name].share if name in main else math.nan,
            "total": total.share,
            "low": shown.low,
            "high": shown.high,
            "correlation": correlation(study.finished, name, found.metric),
        }
    for effect in [e for e in found.effects if len(e.parameters) == 2][:2]:
        rows[_crossed(effect)] = {"main": effect.share, "low": effect.low, "high": effect.high}
    table = pd.DataFrame.from_dict(rows, orient="index")
    metric = found.metric.words
    return Chart(
        f"importance-{file_name(found.metric.name)}",
        f"Importance of the hyper-parameters for {metric}",
        partial(
            figures.importance,
            table,
            title=f"Importance of the hyper-parameters for {metric}",
            subtitle=f"Share of the variance of {metric} that each explains"
            + ("" if main else ", with its interactions, as a forest estimates it"),
        ),
    )
