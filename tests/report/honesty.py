"""How often the report is right, on studies whose truth is known: `python -m tests.report.honesty`.

Every figure of docs/statistics.md comes from here. Studies are drawn, reported on by the report's own
functions, and compared with the truth that they were drawn from.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from metasweep.report.measure.choosing.decision import decide
from metasweep.report.measure.choosing.table import results_table
from metasweep.report.measure.effects import by_level
from metasweep.report.measure.findings import claimed
from metasweep.report.measure.importance import anova, factorial
from metasweep.report.read.study import TEST_ACCURACY, VALIDATION_ACCURACY, Study, Sweep

Grid = Mapping[str, Sequence[Any]]
Rng = np.random.Generator
MNIST_LIKE: Grid = {
    "model": ["dense", "cnn"],
    "lr": [0.1, 0.01, 0.001, 0.0001],
    "optimizer": ["sgd", "adam"],
    "dp": [0.0, 0.1, 0.3, 0.5],
    "seed": [1, 2, 3, 4, 5],
}
NOISE = 0.01  # standard deviation over seeds
LEVEL = 0.9  # accuracy without any effect


@dataclass(frozen=True)
class Result:
    """One figure: what was counted, of how many studies, and what it should be."""

    name: str
    share: float
    studies: int
    right: str

    @property
    def error(self) -> float:
        """Standard error of the share."""
        return math.sqrt(max(self.share * (1 - self.share), 0.25 / self.studies) / self.studies)

    def __str__(self) -> str:
        found = f"{100 * self.share:.1f} ± {100 * self.error:.1f} %"
        return f"| {self.name} | {found} | {self.studies} | {self.right} |"


def study(
    grid: Grid,
    truth: np.ndarray | float,
    rng: Rng,
    shared: float = 0.0,
    noise: np.ndarray | float = NOISE,
) -> Study:
    """A complete grid whose runs are the truth of their configuration and noise.

    Args:
        grid: parameter -> values, `seed` last.
        truth: accuracy of each configuration, in the order of the grid; or one for all.
        rng: of the noise.
        shared: standard deviation of what all runs of a seed have in common.
        noise: standard deviation over seeds, of each configuration or of all.
    """
    points = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    seeds = len(grid["seed"])
    cells = len(points) // seeds
    means, spreads = (np.broadcast_to(np.asarray(each, dtype=float), cells) for each in (truth, noise))
    common = np.tile(rng.normal(0, shared, seeds), cells) if shared else 0.0
    runs = pd.DataFrame(points)
    for metric in (VALIDATION_ACCURACY, TEST_ACCURACY):
        runs[metric.column] = np.repeat(means, seeds) + common + rng.normal(0, np.repeat(spreads, seeds))
    runs = runs.assign(
        run_id=[f"run{number}" for number in range(len(runs))],
        sweep_id="s",
        state="finished",
        duplicate=False,
        diverged=False,
        runtime_seconds=1.0,
        device="cpu",
        grid_point=[str(number) for number in range(len(runs))],
    )
    config = {
        "method": "grid",
        "parameters": {name: {"values": list(values)} for name, values in grid.items()},
    }
    history = pd.DataFrame(columns=["run_id", "step", "epoch", "val/acc", "test/acc"])
    parameters = tuple(name for name, values in grid.items() if name != "seed" and len(values) > 1)
    return Study(runs, history, parameters, sweeps=(Sweep("e/p/s", "s", "", "FINISHED", config),))


def of_rows(rows: int, seeds: int) -> Grid:
    """A grid with one parameter that has no order."""
    return {"variant": [f"v{number}" for number in range(rows)], "seed": list(range(1, seeds + 1))}


def share(name: str, right: str, draws: int, drawn: Callable[[Rng], bool]) -> Result:
    """How often something holds."""
    found = [drawn(np.random.default_rng(number)) for number in range(draws)]
    return Result(name, float(np.mean(found)), draws, right)


def interval_of_the_table(draws: int) -> Result:
    """Coverage of the t interval of a configuration that was not chosen for its luck."""

    def covers(rng: Rng) -> bool:
        (row,) = results_table(study(of_rows(1, 5), LEVEL, rng), top=1).rows
        return abs(row.test.mean - LEVEL) <= row.test.half_width

    return share("interval of the table, 5 seeds, one configuration", "95", draws, covers)


def interval_of_the_winner(draws: int, rows: int = 24) -> Result:
    """The same for the winner of many equal ones, chosen on validation with the same seeds."""

    def covers(rng: Rng) -> bool:
        (row,) = results_table(study(of_rows(rows, 5), LEVEL, rng, shared=0.0), top=1).rows
        return abs(row.test.mean - LEVEL) <= row.test.half_width

    return share(f"the same, the winner of {rows} equal ones, reported on test", "95", draws, covers)


def chosen_and_reported_alike(draws: int, rows: int = 24) -> Result:
    """The same when it is reported by what it was chosen by: too narrow, as the note under the table says."""

    def covers(rng: Rng) -> bool:
        made = study(of_rows(rows, 5), LEVEL, rng)
        made.runs[TEST_ACCURACY.column] = made.runs[VALIDATION_ACCURACY.column]
        (row,) = results_table(made, top=1).rows
        return abs(row.test.mean - LEVEL) <= row.test.half_width

    return share(
        f"the same, the winner of {rows}, reported by what it was chosen by",
        "95 on fresh seeds",
        draws,
        covers,
    )


def claims_of_noise(draws: int) -> Result:
    """Whether a page about noise alone claims anything."""
    return share(
        "page of pure noise with at least one claim (320 runs)",
        "at most 5",
        draws,
        lambda rng: claimed(study(MNIST_LIKE, LEVEL, rng, shared=NOISE)) > 0,
    )


def power_of_the_page(draws: int) -> Result:
    """Whether an effect of the learning rate of one standard deviation over seeds is claimed."""
    cells = list(itertools.product(*list(MNIST_LIKE.values())[:-1]))
    truth = np.array([LEVEL + NOISE * (lr == 0.01) for _, lr, _, _ in cells])
    return share(
        "page with a learning rate better by one std that says so",
        "high",
        draws,
        lambda rng: claimed(study(MNIST_LIKE, truth, rng, shared=NOISE)) > 0,
    )


def power_of_the_table(draws: int, size: float) -> Result:
    """Whether the second of eight rows loses its †, when it is worse by so many standard deviations."""
    truth = LEVEL - NOISE * size * np.array([0, *[1.0] * 7])

    def seen(rng: Rng) -> bool:
        rows = results_table(study(of_rows(8, 5), truth, rng), top=8).rows
        worse = next(row for row in rows if row.values["variant"] == "v1")
        return not worse.best and not worse.indistinguishable

    return share(
        f"a row {size:g} std below the best of eight that is distinguished, 5 seeds",
        "said on the page",
        draws,
        seen,
    )


def importance_covers(draws: int, grid: Grid, part: float, name: str) -> Result:
    """Coverage of the intervals of all totals; `part` is the first parameter's share of the variance."""
    sizes = [len(values) for values in list(grid.values())[:-1]]
    wave = np.linspace(-1, 1, sizes[0])
    wave = wave / wave.std() if wave.std() else wave
    size = NOISE * math.sqrt(part / (1 - part))
    truth = LEVEL + size * np.repeat(wave, math.prod(sizes[1:]))
    names = list(grid)[:-1]
    expected = {names[0]: part, **dict.fromkeys(names[1:], 0.0)}

    def covers(number: int) -> list[bool]:
        made = study(grid, truth, np.random.default_rng(number))
        complete = factorial(made, TEST_ACCURACY)
        assert complete is not None
        totals = anova(*complete, TEST_ACCURACY).totals
        return [each.low <= expected[each.parameters[0]] <= each.high for each in totals]

    found = [verdict for number in range(draws) for verdict in covers(number)]
    return Result(name, float(np.mean(found)), draws, "92 to 98")


def effects_cover(draws: int, lost: float, name: str) -> Result:
    """Coverage of the intervals of the means by value, of a grid of which a share of the runs is lost."""
    cells = list(itertools.product(*list(MNIST_LIKE.values())[:-1]))
    truth = np.array([LEVEL + 0.05 * math.sin(3 * number) for number in range(len(cells))])

    def covers(number: int) -> list[bool]:
        rng = np.random.default_rng(number)
        made = study(MNIST_LIKE, truth, rng, shared=NOISE / 3)
        made.runs["true"] = np.repeat(truth, len(MNIST_LIKE["seed"]))
        made = made.select(pd.Series(rng.random(len(made.runs)) >= lost))
        found = by_level(made, "lr").set_index("lr")
        right = made.runs.groupby("lr")["true"].mean()
        return [bool(abs(row["mean"] - right[lr]) <= row["half_width"]) for lr, row in found.iterrows()]

    found = [verdict for number in range(draws) for verdict in covers(number)]
    return Result(name, float(np.mean(found)), draws, "92 to 98")


TRUTHS: Mapping[str, Callable[[Rng, int], np.ndarray]] = {
    "normal": lambda rng, rows: rng.normal(0, 1, rows),
    "even": lambda rng, rows: rng.uniform(-1.7, 1.7, rows),
    "a crowd at the top": lambda rng, rows: -rng.exponential(1, rows),
    "one above equals": lambda _rng, rows: 2.0 * (np.arange(rows) == 0),
    "half of them at chance": lambda rng, rows: rng.normal(0, 1, rows) - 30 * (rng.random(rows) < 0.5),
}
BROAD = (0.0, 0.35, 0.65, 0.95, 1.01)
BINS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.01)


def decided(
    draws: int, kinds: Sequence[str], sizes: Sequence[int], uneven: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """What the report says of its winner, and whether it is the best, over studies of several kinds.

    Args:
        draws: studies of each kind, size, and spread of the true means (0.5, 1 and 2 times the noise).
        kinds: of `TRUTHS`.
        sizes: configurations.
        uneven: standard deviation of the logarithm of the noise between configurations.
    """
    said, hits = [], []
    for kind, rows, spread, number in itertools.product(kinds, sizes, (0.5, 1.0, 2.0), range(draws)):
        rng = np.random.default_rng(number)
        truth = LEVEL + NOISE * spread * TRUTHS[kind](rng, rows)
        noise = NOISE * np.exp(uneven * rng.normal(size=rows)) if uneven else NOISE
        found = decide(study(of_rows(rows, 5), truth, rng, shared=NOISE, noise=noise))
        assert found is not None
        said.append(found.probability)
        hits.append(int(str(found.winner.values["variant"])[1:]) == int(truth.argmax()))
    return np.array(said), np.array(hits)


def calibration(draws: int) -> list[Result]:
    """How often the winner is the best, by how probable the report says that it is; then of a crowd alone."""
    alike = "winner is the best, where the report says"
    uneven = "the same, where configurations differ much in noise and it says"
    results = []
    for words, spread, bins in ((alike, 0.0, BINS), (uneven, 1.0, BROAD)):
        said, hits = decided(draws, list(TRUTHS), (4, 12, 48), spread)
        for low, high in itertools.pairwise(bins):
            inside = (said >= low) & (said < high)
            if inside.sum() >= 20:
                results.append(_said(words, said[inside], hits[inside]))
    for rows in (12, 24, 48):
        crowd = decided(draws, ["a crowd at the top"], [rows])
        results.append(_said(f"the same, of {rows} that crowd at the top, where it says on average", *crowd))
    return results


def _said(words: str, said: np.ndarray, hits: np.ndarray) -> Result:
    shown = f"{100 * float(said.mean()):.0f}"
    return Result(f"{words} {shown} %", float(hits.mean()), len(hits), shown)


def everything(draws: int) -> list[Result]:
    """All figures."""
    small = {"a": [1, 2, 3, 4], "b": ["x", "y"], "seed": [1, 2, 3, 4, 5]}
    large = {
        "a": [1, 2, 3, 4, 5],
        "b": ["x", "y"],
        "c": ["p", "q"],
        "d": [1, 2, 3, 4],
        "seed": [1, 2, 3, 4, 5],
    }
    return [
        interval_of_the_table(draws),
        interval_of_the_winner(draws),
        chosen_and_reported_alike(draws),
        claims_of_noise(draws // 2),
        power_of_the_page(draws // 4),
        *(power_of_the_table(draws, size) for size in (1.0, 2.0, 4.0)),
        effects_cover(draws // 2, 0.0, "intervals of the means by value, complete grid, 320 runs"),
        effects_cover(draws // 2, 0.3, "the same, three of ten runs lost"),
        effects_cover(draws // 2, 0.8, "the same, eight of ten runs lost"),
        importance_covers(draws, small, 0.0, "intervals of importance, pure noise, 40 runs"),
        importance_covers(draws, small, 0.926, "intervals of importance, truth 92.6 %, 40 runs"),
        importance_covers(draws // 2, large, 0.0, "intervals of importance, pure noise, 400 runs"),
        importance_covers(draws // 2, large, 0.5, "intervals of importance, truth 50 %, 400 runs"),
        importance_covers(draws // 2, large, 0.926, "intervals of importance, truth 92.6 %, 400 runs"),
        *calibration(max(1, draws // 10)),
    ]


if __name__ == "__main__":
    print("| what | found | studies | right |\n|---|---|---|---|")
    for result in everything(int(sys.argv[1]) if len(sys.argv) > 1 else 1000):
        print(result, flush=True)
