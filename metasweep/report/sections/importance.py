"""7. Importance: how much of the outcome each hyper-parameter explains."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from metasweep.report import figures
from metasweep.report.figures.text import title_of
from metasweep.report.measure.forest import permutation
from metasweep.report.measure.importance import (
    Effect,
    Importance,
    anova,
    correlation,
    factorial,
)
from metasweep.report.read.study import Study
from metasweep.report.rendering import Listing, percent, value
from metasweep.report.sections.section import Chart, Choices, Section

TITLE = "Importance"
METRICS = ("test_acc", "test_loss")
SHOWN_INTERACTIONS = 6
MOST_LEVELS = 5  # of a parameter by which correlations are told apart
OPPOSED = 0.2  # correlations of both signs from which one number for all runs hides something
WORDS = {
    "anova": "The grid is complete, so the variance over its runs splits exactly into main effects, "
    "interactions and what the seeds do (functional ANOVA).",
    "permutation": "The runs are no complete grid, so a random forest estimates the total index: half the "
    "rise of its squared error on unseen runs when a hyper-parameter is shuffled.",
}


def section(study: Study, _choices: Choices) -> Section:
    """For accuracy and for loss."""
    found = {metric: measure(study, metric) for metric in METRICS}
    known = {metric: importance for metric, importance in found.items() if importance is not None}
    if not known:
        return Section(TITLE, "Too few finished runs, or no difference between them: nothing can be told.")
    text = dict.fromkeys(WORDS[importance.method] for importance in known.values())
    charts = tuple(_chart(study, importance) for importance in known.values())
    listings = {f"importance-{m.replace('_', '-')}": listing(study, i) for m, i in known.items()}
    return Section(TITLE, "\n\n".join(text), charts, listings)


def measure(study: Study, metric: str) -> Importance | None:
    """Exactly on a complete grid, by a forest otherwise; None when there is too little to tell."""
    complete = factorial(study, metric)
    if complete is not None and np.ptp(complete[1]) > 0:
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
                name,
                "" if own is None else _share(own.share, own.half_width),
                _share(total.share, total.half_width),
                shown,
            ]
        )
        records.append(
            {
                "effect": name,
                "main": math.nan if own is None else own.share,
                "total": total.share,
                "half_width": (own or total).half_width,
                "correlation": linear,
            }
        )
    for effect in [effect for effect in found.effects if len(effect.parameters) > 1][:SHOWN_INTERACTIONS]:
        rows.append([" × ".join(effect.parameters), _share(effect.share, effect.half_width), "", ""])
    records += [
        {"effect": " × ".join(effect.parameters), "main": effect.share, "half_width": effect.half_width}
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
        data={"method": found.method, "metric": found.metric, "runs": found.runs},
    )


def _share(share: float, half_width: float) -> str:
    return percent(share) if math.isnan(half_width) else f"{percent(share)} ± {percent(half_width)}"


def _note(found: Importance, study: Study) -> str:
    exact = found.method == "anova"
    note = f"Of {title_of(found.metric).lower()}, {found.runs} runs"
    if exact and math.isnan(found.error):
        note += ", of one seed: what it does is part of the effects."
    else:
        note += f"; ± is a 95 % interval {'over seeds (jackknife)' if exact else 'over folds'}."
    if max(total.share for total in found.totals) > 1:
        note += (
            " Above 100 %: the runs do not hold all combinations, and shuffling makes those that none has."
        )
    left_out = len(study.finished) - found.runs
    if left_out:
        note += f" {left_out} runs without a finite value, or with a seed that not all have, are left out."
    return " ".join(
        [note, "Correlation: Pearson's, with log10 of what spans decades.", *_opposed(study, found)]
    )


def _opposed(study: Study, found: Importance) -> Iterator[str]:
    """Where the correlation with a parameter has either sign, depending on the value of another."""
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
            yield f"That with {name} depends on {other}: {', '.join(parts)}."


def _ends(effect: Effect) -> dict[str, float]:
    """Ends of its interval: no share is below 0 or above 1; NaN without one (one seed)."""
    low, high = np.clip([effect.share - effect.half_width, effect.share + effect.half_width], 0.0, 1.0)
    return {"low": float(low), "high": float(high)}


def _chart(study: Study, found: Importance) -> Chart:
    main = {effect.parameters[0]: effect for effect in found.effects if len(effect.parameters) == 1}
    rows = {}
    for total in found.totals:
        name = total.parameters[0]
        shown = main.get(name, total)  # a forest knows only totals: the interval is theirs then
        rows[name] = {
            "main": main[name].share if name in main else math.nan,
            "total": total.share,
            **_ends(shown),
            "correlation": correlation(study.finished, name, found.metric),
        }
    for effect in [e for e in found.effects if len(e.parameters) == 2][:2]:
        rows[" × ".join(effect.parameters)] = {"main": effect.share, **_ends(effect)}
    table = pd.DataFrame.from_dict(rows, orient="index")
    metric = title_of(found.metric).lower()
    return Chart(
        f"importance-{found.metric.replace('_', '-')}",
        f"Importance of the hyper-parameters for {metric}",
        partial(
            figures.importance,
            table,
            title=f"Importance of the hyper-parameters for {metric}",
            subtitle=f"Share of the variance of {metric} that each explains"
            + ("" if main else ", with its interactions, as a forest estimates it"),
        ),
    )
