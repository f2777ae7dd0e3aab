"""The statistics of the page in the browser, against scipy and the report's own."""

from __future__ import annotations

import math
import random

import pandas as pd
import pytest
from scipy import special, stats

from metasweep.page import assets
from metasweep.report.measure.statistics import against, holm, paired_t
from metasweep.sweeps import states

LOAD = """
async ([source, call]) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const s = await import(url);
  return new Function("s", `return ${call}`)(s);
}
"""


@pytest.fixture(scope="module")
def ask(browser):
    tab = browser.new_page()
    source = assets()["js/base/statistics.js"].read_text()
    yield lambda call: tab.evaluate(LOAD, [source, call])
    tab.close()


def test_intervals_are_those_of_students_t(ask) -> None:
    rng = random.Random(1)
    for n in (2, 3, 5, 12, 41):
        sample = [rng.gauss(0.9, 0.02) for _ in range(n)]
        found = ask(f"s.interval({sample})")
        low, high = stats.t.interval(0.95, n - 1, sum(sample) / n, stats.sem(sample))
        assert found["mean"] == pytest.approx(sum(sample) / n)
        assert found["half"] == pytest.approx((high - low) / 2)
    assert ask("s.interval([1])")["half"] is None


def test_comparisons_are_the_reports(ask) -> None:
    rng = random.Random(2)
    samples = [[rng.gauss(0.9 + 0.01 * row, 0.01) for _ in range(5)] for row in range(4)]
    maps = f"{samples}.map(sample => new Map(sample.map((v, i) => [i, v])))"
    found = ask(f"s.against(3, {maps}).map(test => test && test.p)")
    expected = [test.p_value for test in against(3, [pd.Series(sample) for sample in samples])]
    assert found[3] is None
    assert math.isnan(expected[3])
    assert found[:3] == pytest.approx(expected[:3])
    equal = ask("s.pairedT(new Map([[1, 0.5], [2, 0.6]]), new Map([[1, 0.4], [2, 0.5]])).p")
    assert equal == pytest.approx(paired_t([0.5, 0.6], [0.4, 0.5]).p_value)
    values = [0.01, 0.04, 0.03, 0.5]
    assert ask(f"s.holm({values})") == pytest.approx(holm(values))


def test_states_mean_the_same_everywhere(browser) -> None:
    names = [*states.OPEN, *states.ENDED, "unheard-of"]
    tab = browser.new_page()
    source = assets()["js/base/states.js"].read_text()
    found = tab.evaluate(LOAD, [source, f"{names}.map((name) => [s.outcome(name), s.isOpen(name)])"])
    tab.close()
    assert found == [[states.outcome(name), name in states.OPEN] for name in names]


@pytest.mark.parametrize(("difference", "pairs"), [(0.01, 1), (0.005, 3), (0.02, 10)])
def test_the_seeds_that_would_settle_it(ask, difference: float, pairs: int) -> None:
    """Against the power of the noncentral t distribution; the page's sum of quantiles is near."""
    found, std = ask(f"s.seedsToShow({difference}, 0.01, {pairs})"), 0.01

    def power(n: int) -> float:
        critical = special.stdtrit(n - 1, 1 - 0.05 / pairs / 2)
        return 1 - special.nctdtr(n - 1, difference / std * math.sqrt(n), critical)

    exact = next(n for n in range(2, 200) if power(n) >= 0.8)
    assert abs(found - exact) <= 1
