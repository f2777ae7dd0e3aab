"""What happened in single runs, judged from their curves. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import kendalltau

from metasweep.report.measure.baselines import chance_of
from metasweep.report.read.quantities import Quantity
from metasweep.report.read.study import Study

Array = npt.NDArray[Any]
NAN, COLLAPSED, SLOW, CHANCE, STUCK = "NaN", "collapsed", "too slow", "at chance from the start", "stuck"
BEHIND = "behind"
MEANING = {
    NAN: "the loss became NaN or infinite",
    COLLAPSED: "it had learned something and lost it",
    SLOW: "still improving when it ended",
    CHANCE: "it never left it",
    STUCK: "it learned a little and stopped",
    BEHIND: "far behind the others",
}
RISE = 0.02  # of an accuracy; a larger one counts as learned: above chance, or over the last third of a run
GAINS = ("most improved", "clearest collapse")
FALL = 0.05  # of an accuracy; a larger fall from the best value counts as a collapse
SIGNIFICANCE = 0.01  # of the trend of the training loss
GOOD = 0.25  # share of the runs that count as good, if the metric is not an accuracy
FAR = 3.0
ENOUGH = 6  # values for a trend that can be significant


@dataclass(frozen=True)
class Highlight:
    """A run that a reader should look at."""

    word: str  # why
    run_id: str
    value: float  # the reported metric, or its gain or fall


def curve(study: Study, run_id: str, column: str) -> pd.DataFrame:
    """Return the logged values of one run: columns `step`, `epoch` and `column`, in order, without NaN."""
    rows = study.history[study.history["run_id"] == run_id]
    return rows.loc[rows[column].notna(), ["step", "epoch", column]].sort_values("step")


def converged(study: Study, threshold: float = 0.98) -> pd.DataFrame:
    """Return the finished runs above the threshold; if the metric is not an accuracy, the best quarter."""
    runs, metric = study.finished, study.reported
    values = metric.sign * runs[metric.column]
    if metric.is_accuracy:
        return runs[values > threshold]
    return runs[values >= values.quantile(1 - GOOD)] if values.notna().any() else runs.iloc[:0]


def diverged(study: Study, threshold: float = 0.2) -> pd.DataFrame:
    """Return the finished runs that went wrong, with a column `word` for what happened.

    For an accuracy these are the runs below the threshold; for another metric, those that are worse than the
    lower quartile by more than three times the distance of the quartiles (Tukey's far outliers). Runs that
    ended as NaN are included.
    """
    runs, metric = study.finished, study.reported
    values = metric.sign * runs[metric.column]
    if metric.is_accuracy:
        bad = values < threshold
    else:
        low, high = values.quantile([0.25, 0.75])
        bad = values < low - FAR * (high - low)
    runs = runs[bad | runs["diverged"]]
    rows = study.history_of(runs["run_id"])
    columns = {name: rows[name].to_numpy() for name in rows.columns}
    places = rows.groupby("run_id").indices
    nowhere, chance, unit = np.array([], dtype=int), chance_of(study), unit_of_change(study)
    words = []
    for run, lost in zip(runs["run_id"], runs["diverged"], strict=True):
        history = {name: values[places.get(run, nowhere)] for name, values in columns.items()}
        words.append(word_for(study, history, bool(lost), chance, unit))
    return runs.assign(word=pd.Series(words, index=runs.index, dtype=object))


def unit_of_change(study: Study) -> float:
    """Return the unit of a change: 1 for an accuracy, else the distance of the quartiles over runs."""
    if study.reported.is_accuracy:
        return 1.0
    values = study.finished[study.reported.column]
    low, high = values.quantile([0.25, 0.75])
    return float(high - low) if high > low else 1.0


def word_for(
    study: Study,
    history: Mapping[str, Array] | pd.DataFrame,
    diverged: bool,
    chance: float | None = None,
    unit: float = 1.0,
) -> str:
    """Return what happened in a run that ended badly, in a word; `history` holds its columns.

    It is a collapse if the reported metric fell by more than `FALL` from its best, or the same metric in
    training (mean of three values) by twice that. Otherwise the run was too slow if its training loss still
    falls in the second half (Kendall's rank correlation with the step, as in Mann's trend test); the first
    half is left out, since a run that blows up also falls there. Otherwise it is stuck if it ever was `RISE`
    above chance.
    """
    if diverged:
        return NAN
    reached = oriented(history, study.reported) / unit
    if len(reached) and reached.max() - reached[-1] > FALL:
        return COLLAPSED
    training = smooth(oriented(history, study.companion("train"))) / unit
    if len(training) and training.max() - training[-1] > 2 * FALL:
        return COLLAPSED
    if falls(late(-oriented(history, training_loss(study)))):
        return SLOW
    if not study.reported.is_accuracy:
        return BEHIND
    learned = chance is not None and len(reached) > 0 and reached.max() > chance + RISE
    return STUCK if learned else CHANCE


def oriented(history: Mapping[str, Array] | pd.DataFrame, metric: Quantity | None) -> Array:
    """Return the finite values of a metric, with the sign that makes large good; none without a metric."""
    if metric is None or metric.column not in history:
        return np.array([])
    values = metric.sign * np.asarray(history[metric.column], dtype=float)
    return values[np.isfinite(values)]


def smooth(values: Array) -> Array:
    """Return the mean of each value and the two before it."""
    padded = np.concatenate([np.full(2, np.nan), values])
    return np.nanmean(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1) if len(values) else values


def training_loss(study: Study) -> Quantity | None:
    """Return what training minimizes: the training loss, else any logged loss."""
    losses = [metric for metric in study.metrics if metric.kind == "loss"]
    return next((metric for metric in losses if metric.split == "train"), next(iter(losses), None))


def late(loss: Array) -> Array:
    """Return the second half of a curve, if it is long enough for a trend."""
    known = loss[~np.isnan(loss)]
    return known[len(known) // 2 :] if len(known) >= 2 * ENOUGH else known


def falls(values: Array) -> bool:
    """Return whether values have a significant falling trend."""
    if len(values) < 4 or len(np.unique(values)) < 2:
        return False
    tau, p_value = kendalltau(range(len(values)), values)
    return bool(tau < 0 and p_value < SIGNIFICANCE)


def still_learns(values: Array, chance: float | None = None, unit: float = 1.0) -> bool:
    """Return whether a curve ends above chance, at its best, and has clearly risen over its last third.

    Args:
        values: of every evaluation, in order; large is good.
        chance: the accuracy of guessing; None if not known.
        unit: the unit of a change.
    """
    last = values[-1]
    before = values[-1 - max(1, len(values) // 3)] if len(values) > 1 else last
    above = chance is None or last > chance
    return bool(above and last == values.max() and (last - before) / unit > RISE)


def highlights(study: Study) -> list[Highlight]:
    """Return the best run by the sweep's metric, the most improved, the clearest collapse and the slowest.

    The slowest is the worst of the runs that still learn at their end. Each run appears only once.
    """
    metric, unit = study.reported, unit_of_change(study)
    runs = study.finished[study.finished[metric.column].notna()].set_index("run_id")
    if runs.empty:
        return []
    known = np.isfinite(study.history[metric.column]) & study.history["run_id"].isin(runs.index)
    evaluations = study.history[known].sort_values("step")
    by_run = (metric.sign * evaluations[metric.column]).groupby(evaluations["run_id"])
    gain, fall = by_run.last() - by_run.first(), by_run.max() - by_run.last()
    chance = chance_of(study)
    learning = [run for run, values in by_run if still_learns(values.to_numpy(), chance, unit)]
    final = metric.sign * runs[metric.column]
    found: list[Highlight] = []
    best = "best" if study.metric.column == metric.column else f"best by {study.metric.name}"
    candidates = [
        (best, study.metric.sign * runs[study.metric.column], -math.inf),
        ("most improved", gain, 0.0),
        ("clearest collapse", fall, FALL * unit),
    ]
    for word, values, least in candidates:
        left = values.drop([h.run_id for h in found], errors="ignore").dropna()
        if len(left) and left.max() > least:
            run = str(left.idxmax())
            value = left[run] if word in GAINS else runs.loc[run, metric.column]
            found.append(Highlight(word, run, float(value)))
    seen = {highlight.run_id for highlight in found}
    slow = (run for run in final.loc[learning].sort_values(kind="stable").index if run not in seen)
    slowest = next((str(run) for run in slow if _still_fits(study, str(run))), None)
    if slowest is not None:
        found.append(Highlight("slowest learner", slowest, float(runs.loc[slowest, metric.column])))
    return found


def _still_fits(study: Study, run_id: str) -> bool:
    """Return whether the training loss of a run still falls, or was not logged."""
    loss = training_loss(study)
    if loss is None:
        return True
    values = study.history_of([run_id]).sort_values("step")[loss.column].to_numpy(dtype=float)
    return bool(np.isnan(values).all()) or falls(late(values))
