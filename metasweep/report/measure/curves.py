"""What single runs did, told from their curves. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
from scipy.stats import kendalltau

from metasweep.report.measure.baselines import chance_level
from metasweep.report.read.study import Study

NAN, COLLAPSED, SLOW, CHANCE, STUCK = "NaN", "collapsed", "too slow", "at chance from the start", "stuck"
MEANING = {
    NAN: "the loss became NaN or infinite",
    COLLAPSED: "it had learned something and lost it",
    SLOW: "still improving when it ended",
    CHANCE: "it never left it",
    STUCK: "it learned a little and stopped",
}
RISE = 0.02  # accuracy that is something learned: above chance, or in the last third of a run
GAINS = ("most improved", "clearest collapse")
FALL = 0.05  # accuracy lost since the best moment that counts as a collapse
SIGNIFICANCE = 0.01  # of the trend of the training loss
ENOUGH = 6  # values for a trend that can be significant


@dataclass(frozen=True)
class Highlight:
    """A run that a reader should look at."""

    word: str  # why
    run_id: str
    value: float  # test accuracy, or the gain or fall of it


def curve(study: Study, run_id: str, column: str) -> pd.DataFrame:
    """The logged values of one run: columns `step`, `epoch` and the asked one, in order, NaN left out."""
    rows = study.history[study.history["run_id"] == run_id]
    return rows.loc[rows[column].notna(), ["step", "epoch", column]].sort_values("step")


def converged(study: Study, threshold: float = 0.98) -> pd.DataFrame:
    """Finished runs whose final test accuracy is above the threshold."""
    runs = study.finished
    return runs[runs["test_acc"] > threshold]


def diverged(study: Study, threshold: float = 0.2) -> pd.DataFrame:
    """Finished runs below the threshold or with a loss that is no number, with a column `word`."""
    runs = study.finished
    runs = runs[(runs["test_acc"] < threshold) | runs["diverged"]]
    histories = dict(list(study.history_of(runs["run_id"]).groupby("run_id")))
    empty, chance = study.history.iloc[:0], chance_level(study.class_counts)
    words = [
        word_for(histories.get(row.run_id, empty), bool(row.diverged), chance)
        for row in runs.itertuples(index=False)
    ]
    return runs.assign(word=pd.Series(words, index=runs.index, dtype=object))


def word_for(history: pd.DataFrame, diverged: bool, chance: float | None = None) -> str:
    """What a run below the threshold did.

    A fall of the test accuracy by more than `FALL` from its peak is a collapse, and one of the training
    accuracy (mean of three values) by twice that. Otherwise the run was too slow if its training loss still
    falls in the second half (Kendall's rank correlation with the step, as in Mann's trend test): the first
    steps of a run that blows up fall from far above chance. Else it is stuck if it ever was `RISE` above
    chance.
    """
    if diverged:
        return NAN
    accuracy = history["test_acc"].dropna()
    if len(accuracy) and accuracy.max() - accuracy.iloc[-1] > FALL:
        return COLLAPSED
    training = history["train_acc"].dropna().rolling(3, min_periods=1).mean()
    if len(training) and training.max() - training.iloc[-1] > 2 * FALL:
        return COLLAPSED
    if falls(late(history["train_loss"])):
        return SLOW
    return CHANCE if chance is None or not accuracy.max() > chance + RISE else STUCK


def late(loss: pd.Series) -> pd.Series:
    """The second half of a curve, if that is enough to tell a trend."""
    known = loss.dropna()
    return known.iloc[len(known) // 2 :] if len(known) >= 2 * ENOUGH else known


def falls(values: pd.Series) -> bool:
    """Whether a series has a falling trend that chance does not explain."""
    if len(values) < 4 or values.nunique() < 2:
        return False
    tau, p_value = kendalltau(range(len(values)), values)
    return bool(tau < 0 and p_value < SIGNIFICANCE)


def still_learns(accuracy: pd.Series, chance: float | None = None) -> bool:
    """Whether a curve ends above chance, at its best, and has clearly risen over its last third.

    Args:
        accuracy: of every evaluation, in order.
        chance: the accuracy of guessing; None when it is not known.
    """
    last = accuracy.iloc[-1]
    before = accuracy.iloc[-1 - max(1, len(accuracy) // 3) :] if len(accuracy) > 1 else accuracy
    return bool(last > (chance or 0) and last == accuracy.max() and last - before.iloc[0] > RISE)


def highlights(study: Study) -> list[Highlight]:
    """Best on validation, most improved, clearest collapse, slowest learner; each run once, what there is.

    The slowest learner is the worst of the runs that still learn when they end.
    """
    runs = study.finished[study.finished["test_acc"].notna()].set_index("run_id")
    if runs.empty:
        return []
    evaluations = study.history[study.history["test_acc"].notna() & study.history["run_id"].isin(runs.index)]
    by_run = evaluations.sort_values("step").groupby("run_id")["test_acc"]
    gain = by_run.last() - by_run.first()
    fall = by_run.max() - by_run.last()
    chance = chance_level(study.class_counts)
    learning = [run for run, values in by_run if still_learns(values, chance)]
    losses = study.history_of(learning).sort_values("step").groupby("run_id")["train_loss"]
    slow = runs["test_acc"].loc[[run for run, loss in losses if loss.isna().all() or falls(late(loss))]]
    chosen_by = runs[study.metric] if study.maximize else -runs[study.metric]
    found: list[Highlight] = []
    candidates = [
        ("best", chosen_by, -math.inf),
        ("most improved", gain, 0.0),
        ("clearest collapse", fall, FALL),
        ("slowest learner", -slow, -math.inf),
    ]
    for word, values, least in candidates:
        left = values.drop([h.run_id for h in found], errors="ignore")
        if len(left) and left.max() > least:
            run = str(left.idxmax())
            value = left[run] if word in GAINS else runs.loc[run, "test_acc"]
            found.append(Highlight(word, run, float(value)))
    return found
