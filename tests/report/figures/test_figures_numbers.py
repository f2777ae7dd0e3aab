"""The numbers behind the figures: where runs cross the axes, what bars count, what files hold."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image
from scipy import stats

from metasweep.report import figures
from metasweep.report.figures import epochs, parallel
from metasweep.report.figures.cost import best_so_far
from metasweep.report.figures.drawing import axes, lines, scales, slots, style, text
from metasweep.report.figures.effects import grouped
from metasweep.report.figures.interaction import cells
from metasweep.report.read.study import TEST_ACCURACY, VALIDATION_ACCURACY
from tests.report.synthetic import synthetic_study

FINITE = st.floats(-1e6, 1e6)
QUICK = settings(max_examples=60)


@QUICK
@given(st.lists(st.integers(0, 500), min_size=1, max_size=25), st.floats(0.0, 0.1))
def test_bars_are_proportional_to_their_runs_and_never_touch(counts: list[int], room: float) -> None:
    bars = slots.stack(counts, room)
    assert bars[0][0] >= -1e-9
    assert bars[-1][1] <= 1 + 1e-9
    assert all(high <= low + 1e-9 for (_, high), (low, _) in itertools.pairwise(bars))
    heights = np.array([high - low for low, high in bars])
    assert np.allclose(heights * max(sum(counts), 1), np.array(counts) * heights.sum())


@QUICK
@given(st.lists(st.one_of(FINITE, st.just(math.nan)), min_size=1, max_size=60))
def test_runs_in_a_slot_are_evenly_apart_and_sorted_by_quality(quality: list[float]) -> None:
    column = pd.Series(["only"] * len(quality), name="model")
    axis = axes.parameter_axis(column, axes.ranks(quality), 0.05)
    order = np.argsort(axis.heights)
    known = np.array(quality)[order]
    assert np.all(np.diff(known[~np.isnan(known)]) >= 0)
    assert np.isnan(known[: int(np.isnan(known).sum())]).all()  # runs without a value lie at the bottom
    assert np.allclose(np.diff(np.sort(axis.heights), n=2), 0)
    assert axis.slots[0].low < axis.heights.min() <= axis.heights.max() < axis.slots[0].high


def test_a_grid_fills_its_slots_alike_and_keeps_a_value_without_runs() -> None:
    runs = synthetic_study().finished
    rank = axes.ranks(runs["test/acc"].to_numpy())
    axis = axes.parameter_axis(runs["lr"], rank, 0.05, [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0])
    assert [slot.label for slot in axis.slots] == ["10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰"]
    assert [slot.runs for slot in axis.slots] == [80] * 5 + [0]
    words = axes.parameter_axis(runs["model"], rank, 0.05, ["dense", "cnn"])
    assert [slot.label for slot in words.slots] == [
        "cnn",
        "dense",
    ]  # from the bottom: words read from the top


@QUICK
@given(st.lists(FINITE, min_size=2, max_size=9), st.integers(0, 2**32 - 1))
def test_curves_are_monotone_between_axes_and_level_at_them(heights: list[float], seed: int) -> None:
    xs = np.sort(np.random.default_rng(seed).uniform(0, 700, len(heights)))
    ys = np.array(heights)
    (path,) = lines.curves(xs, ys[None])
    points = path.vertices
    assert np.array_equal(points[::3], np.column_stack([xs, ys]))
    t = np.linspace(0, 1, 33)[:, None]
    for start in range(0, len(points) - 1, 3):
        a, b, c, d = points[start : start + 4]
        drawn = (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
        assert a[1] == b[1]
        assert c[1] == d[1]
        assert np.all(np.diff(drawn[:, 0]) >= -1e-9)
        assert np.all(np.diff(drawn[:, 1]) * np.sign(d[1] - a[1]) >= -1e-6)
        assert drawn[:, 1].min() >= min(a[1], d[1]) - 1e-6
        assert drawn[:, 1].max() <= max(a[1], d[1]) + 1e-6


@QUICK
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.booleans())
def test_accuracy_scale_keeps_order_and_inverts(values: list[float], linear: bool) -> None:
    scale = scales.accuracy_scale(values, linear)
    positions = scale.forward(np.sort(values))
    assert positions.min() >= 0
    assert positions.max() <= 1
    assert np.all(np.diff(positions) >= 0)
    inside = scale.inverse(np.linspace(0.05, 0.95, 7))
    assert np.allclose(scale.forward(inside), np.linspace(0.05, 0.95, 7), atol=1e-6)
    ticks = scale.ticks(0.06)
    assert np.all(np.diff([at for at, _ in ticks]) >= 0.06 - 1e-9)
    assert len({label for _, label in ticks}) == len(ticks)


def test_nines_put_90_99_and_99_9_equally_far_apart() -> None:
    scale = scales.accuracy_scale([0.5, 0.9995])
    low, middle, high = scale.forward([0.9, 0.99, 0.999])
    assert middle - low == pytest.approx(high - middle)
    assert scales.accuracy_scale([0.95, 0.99]).kind == "linear"
    assert scales.accuracy_scale([0.5, 1.0]).forward([1.0])[0] == 1.0


def test_runs_at_chance_leave_the_scale() -> None:
    runs = pd.DataFrame({"val/acc": [0.1, 0.5, 0.9, np.nan], "test/acc": [0.1, 0.1, 0.95, 0.9]})
    val, test = axes.metric_axes(
        runs, [VALIDATION_ACCURACY, TEST_ACCURACY], axes.ranks(runs["test/acc"]), chance=0.1135
    )
    assert [(slot.label, slot.runs) for slot in val.slots] == [("no value", 1), ("chance", 1)]
    assert [(slot.label, slot.runs) for slot in test.slots] == [("chance", 2)]
    assert (test.heights < test.floor).tolist() == [True, True, False, False]
    assert val.floor == test.floor
    assert val.scale == test.scale


def test_histogram_beside_the_colours_equals_numpys() -> None:
    runs = synthetic_study().finished
    axis = axes.metric_axes(runs, [TEST_ACCURACY], axes.ranks(runs["test/acc"]), chance=0.1135)[0]
    shown = (runs["test/acc"] > 0.1135).to_numpy()
    counts, edges = parallel.histogram(axis, shown)
    assert axis.scale is not None
    bounds = axis.scale.inverse((edges - axis.floor) / (1 - axis.floor))
    expected, _ = np.histogram(np.clip(runs["test/acc"][shown], bounds[0], bounds[-1]), bounds)
    assert counts.sum() == shown.sum()
    assert np.abs(counts - expected).sum() <= 2  # a run on a bin's edge may be rounded across it


def test_cells_of_the_heat_map_equal_pandas() -> None:
    runs = synthetic_study().finished
    rows, columns = grouped(runs["optimizer"]), grouped(runs["lr"])
    mean, deviation, n = cells(runs["test/acc"].to_numpy(), rows, columns)
    table = runs.groupby(["optimizer", "lr"])["test/acc"]
    assert np.allclose(mean, table.mean().unstack())
    assert np.allclose(deviation, table.std().unstack())
    assert np.array_equal(n, table.size().unstack())


def test_means_per_epoch_equal_scipys_interval() -> None:
    study = synthetic_study()
    lines = epochs.means(
        study.finished, epochs._table(study.finished, study.history, TEST_ACCURACY, "epoch"), "dp"
    )
    assert [line[0] for line in lines] == ["0", "0.1", "0.3", "0.5"]
    runs = study.finished[study.finished["dp"] == 0.3]["test/acc"]
    low, high = stats.t.interval(0.95, len(runs) - 1, runs.mean(), stats.sem(runs))
    _, at, mean, below, above = lines[2]
    assert (at[-1], mean[-1], below[-1], above[-1]) == pytest.approx((2.0, runs.mean(), low, high))


def test_best_so_far_ignores_runs_without_a_value() -> None:
    values = np.array([np.nan, 0.3, np.nan, 0.2, 0.9])
    assert best_so_far(values)[1:].tolist() == [0.3, 0.3, 0.3, 0.9]
    assert best_so_far(values, lower_is_better=True)[1:].tolist() == [0.3, 0.3, 0.2, 0.2]


@QUICK
@given(st.lists(st.floats(0, 300), min_size=1, max_size=12))
def test_labels_move_apart_and_keep_their_order(ys: list[float]) -> None:
    moved = epochs.apart(ys, 9.5)
    assert np.all(np.diff(np.sort(moved)) >= 9.5 - 1e-6)
    assert np.array_equal(np.argsort(moved, kind="stable"), np.argsort(ys, kind="stable"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1, "0.1"),
        (1e-5, "10⁻⁵"),
        (3e-4, "3×10⁻⁴"),
        (64, "64"),
        (22500, "22\u2009500"),
        (-2.5, "−2.5"),
        (0, "0"),
    ],
)
def test_numbers_are_short(value: float, shown: str) -> None:
    assert text.number(value) == shown


@QUICK
@given(st.text(max_size=60), st.floats(5, 200))
def test_shortened_names_fit_their_room(name: str, room: float) -> None:
    line = text.fit(text.clean(name), room, 9)
    assert line == text.ELLIPSIS or text.width(line, 9) <= room


def test_ramps_survive_greyscale() -> None:
    for look in style.THEMES.values():
        red, green, blue = np.array(look.ramp(np.linspace(0, 1, 64)))[:, :3].T
        grey = 0.299 * red + 0.587 * green + 0.114 * blue
        steps = np.diff(grey)
        assert np.all(steps < 0) if look.name == "light" else np.all(steps > 0)


def _chart(theme: str = "light") -> Figure:
    study = synthetic_study()
    return figures.parallel_coordinates(
        study.finished, study.parameters, chance=0.1135, title="A", theme=theme
    )


def test_the_same_data_gives_the_same_bytes_in_both_themes(tmp_path: Path) -> None:
    first = figures.save_themes(_chart, tmp_path / "a", title="A chart")
    again = figures.save(_chart(), tmp_path / "b", title="A chart")
    assert [path.name for path in first] == ["a.svg", "a.png", "a-dark.svg"]
    assert [path.read_bytes() for path in first[:2]] == [path.read_bytes() for path in again]
    svg = first[0].read_text(encoding="utf-8")
    assert len(svg) < 200_000
    assert "<title>A chart</title>" in svg
    assert "<text" not in svg
    assert "date" not in svg.lower()
    in_dark = figures.save(_chart("dark"), tmp_path / "dark", title="A chart")
    assert in_dark[0].read_bytes() == first[2].read_bytes()
    with Image.open(first[1]) as light, Image.open(in_dark[1]) as dark:
        assert light.size == dark.size
        assert light.convert("L").getpixel((1, 1)) == 255
        assert dark.convert("L").getpixel((1, 1)) < 30


def test_many_runs_become_one_picture_inside_the_svg(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = parallel.VECTOR_LINES + 1
    runs = pd.DataFrame({"lr": 10 ** rng.uniform(-5, -1, n), "test/acc": rng.uniform(0.2, 0.99, n)})
    svg, _ = figures.save(
        figures.parallel_coordinates(runs, ["lr"], metrics=[TEST_ACCURACY]), tmp_path / "many"
    )
    assert svg.read_text(encoding="utf-8").count("<image") == 1
    assert svg.stat().st_size < 1_500_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_of_many_runs_shows_what_their_lines_would(
    theme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle is matplotlib's drawing of every line in its colour. Where lines cross, colours differ a
    little: it mixes colours, the picture places on the ramp."""
    rng = np.random.default_rng(0)
    accuracy = rng.uniform(0.02, 0.99, 300)  # those up to chance are grey
    rate = 10 ** (-5 + 3 * accuracy + rng.normal(0, 0.2, 300))
    runs = pd.DataFrame({"lr": rate, "test/acc": accuracy})

    def drawn(vector_lines: int) -> npt.NDArray[np.float64]:
        monkeypatch.setattr(parallel, "VECTOR_LINES", vector_lines)
        figure = figures.parallel_coordinates(runs, ["lr"], metrics=[TEST_ACCURACY], chance=0.1, theme=theme)
        _, png = figures.save(figure, tmp_path / str(vector_lines))
        with Image.open(png) as image:
            return np.asarray(image.convert("RGB"), dtype=np.float64)

    as_lines = drawn(300)
    ink = np.abs(as_lines - as_lines[0, 0]).mean()
    assert np.abs(drawn(299) - as_lines).mean() < 0.1 * ink


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.parallel_coordinates(pd.DataFrame({"test/acc": []}), [], metrics=[TEST_ACCURACY]),
        lambda: figures.class_histograms({"train": ()}),
        lambda: figures.divergence(pd.DataFrame(), {}),
        lambda: figures.single_runs(pd.DataFrame(), []),
        lambda: figures.importance(pd.DataFrame()),
        lambda: figures.samples({}),
    ],
)
def test_nothing_to_draw_is_said(draw: object) -> None:
    with pytest.raises(ValueError, match=r"need|no "):
        draw()  # type: ignore[operator]
