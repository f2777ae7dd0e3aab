"""Any study: whatever a sweep and its runs hold, the report says the right numbers and never fails.

The numbers are compared with a computation of their own, by pandas and scipy alone. `METASWEEP_STUDIES=5000`
tries more studies than the few here.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
import random
import re
import statistics
from datetime import datetime, timedelta, timezone
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from metasweep.report.base.listing import Listing
from metasweep.report.measure.choosing.table import results_table
from metasweep.report.measure.status import completeness
from metasweep.report.read.records import RunRecord, assemble
from metasweep.report.read.study import Study, Sweep
from metasweep.report.sections import make
from metasweep.report.sections.listings import results, status_listing
from metasweep.report.sections.section import Choices
from metasweep.report.write.formats import FORMATS
from metasweep.report.write.report import readme_text
from metasweep.sweeps import Grid

HOSTILE = [
    "<script>alert(1)</script>",
    "a|b",
    "**bold**",
    "`code`",
    "[x](javascript:1)",
    "=1+1",
    "@SUM(A1)",
    "new\nline",
    "\x1b[31mred",
    "a^b~c_{d}%&#$\\",
    "# title",
    "日本語",
    "‮reversed",
    "state",
    "epoch",
    "duplicate",
    "n",
    "run_id",
    "config:n",
    "val/acc",
    "summary:x",
    "",
    " ",
    "seed",
]
NAMES = st.sampled_from([*HOSTILE, "lr", "dp", "model", "optimizer", "batch-size", "x.y"]) | st.text(
    max_size=6
)
VALUES = st.one_of(
    st.sampled_from(HOSTILE),
    st.booleans(),
    st.none(),
    st.integers(-3, 300),
    st.floats(1e-6, 1e3),
    st.sampled_from(["1", "1e-3", [1, 2], {"k": "v"}]),
)
METRICS = st.sampled_from(
    ["val/acc", "val_loss", "episode return", "score", "<b>m</b>", "state", "lr", "a|b"]
)
NUMBERS = st.one_of(
    st.floats(0, 1),
    st.floats(-1e6, 1e6),
    st.sampled_from([math.nan, math.inf, -math.inf, "NaN", "Infinity", 1e300, -1e300, 1.7e308, 5e-324]),
)
SUMMARIES = st.one_of(
    NUMBERS, NUMBERS.map(lambda x: {"min": x, "max": x}), st.sampled_from(["word", None, [1]])
)
STATES = st.sampled_from(
    ["finished"] * 6 + ["failed", "crashed", "killed", "running", "pending", "preempted", "odd"]
)
MANY = settings(
    max_examples=int(os.environ.get("METASWEEP_STUDIES", "60")),
    suppress_health_check=list(HealthCheck),
)


SIZES = [24] * 45 + [300] * 4 + [5000]  # the most runs of a study; each takes seconds where they are many


@st.composite
def studies(draw: st.DrawFn) -> Study:
    """A sweep of 1 to 15 parameters and 1 to 5,000 runs, some twice, some odd.

    What a run holds comes from drawn pools with a generator of its own: thousands of draws are too many.
    """
    names = draw(st.lists(NAMES, min_size=1, max_size=draw(st.sampled_from([2, 3, 3, 15])), unique=True))
    most = draw(st.sampled_from([3, 3, 12]))
    values = {name: draw(st.lists(VALUES, min_size=1, max_size=most)) for name in names}
    seeds = draw(st.sampled_from([[], [1], [1, 2, 3], ["a", "b"]]))
    if seeds and "seed" not in values:
        values["seed"] = seeds
    metric = draw(METRICS)
    section: dict[str, Any] = {"name": metric}
    if draw(st.booleans()):
        section["goal"] = draw(st.sampled_from(["minimize", "maximize"]))
    config = {
        "method": draw(st.sampled_from(["grid", "grid", "random", "bayes"])),
        "metric": section,
        "parameters": {name: {"values": each} for name, each in values.items()},
    }
    count = draw(st.integers(1, draw(st.sampled_from(SIZES))))
    rng = random.Random(draw(st.integers(0, 2**32)))
    in_order = draw(st.booleans())
    points = itertools.cycle(itertools.islice(itertools.product(*values.values()), max(1, count * 3 // 4)))
    pools = {
        "names": draw(st.lists(NAMES, min_size=1, max_size=12)),
        "states": draw(st.lists(STATES, min_size=1, max_size=12)),
        "numbers": draw(st.lists(NUMBERS, min_size=1, max_size=12)),
        "summaries": draw(st.lists(SUMMARIES, min_size=1, max_size=12)),
    }
    records, histories = [], {}
    for number in range(count):
        point = next(points) if in_order else tuple(map(rng.choice, values.values()))
        record, history = made_up_run(number, dict(zip(values, point, strict=True)), metric, pools, rng)
        records.append(record)
        histories[record.run_id] = history
    return assemble([Sweep("team/any/s", draw(NAMES), "http://x/s", "RUNNING", config)], records, histories)


def made_up_run(
    number: int, point: dict[str, Any], metric: str, pools: dict[str, list[Any]], rng: random.Random
) -> tuple[RunRecord, list[dict[str, Any]]]:
    """A run and its history; one in ten has no metric."""
    began = datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(minutes=number)
    value = rng.choice([rng.random(), rng.choice(pools["summaries"])])
    summary = {metric: value} if rng.randrange(10) else {}
    if rng.randrange(2):
        summary["epoch"] = 2
    record = RunRecord(
        run_id=f"run{number}",
        name=rng.choice(pools["names"]),
        url="http://x/r",
        sweep_id="s",
        state=rng.choice(pools["states"]),
        created_at=began.isoformat(),
        updated_at=(began + timedelta(hours=1)).isoformat(),
        config=point,
        summary=summary,
        commit="",
    )
    return record, [{"_step": step, metric: rng.choice(pools["numbers"])} for step in range(rng.randrange(4))]


@MANY
@given(study=studies())
def test_any_study_is_reported_rightly(study: Study) -> None:
    check_status(study)
    table = results_table(study, top=5)
    check_table(study, table)
    listing = results(table)
    for name, form in FORMATS.items():
        check_escaped(name, form(listing))
        assert form(status_listing(completeness(study)))
    choices = Choices()
    sections = make(study, choices, choices.sections)
    check_escaped("markdown", readme_text(study, sections))
    for section in sections:
        for listing in section.listings.values():
            assert len({len(row) for row in [listing.headers, *listing.rows]}) == 1
            for name, form in FORMATS.items():
                check_escaped(name, form(listing))


@pytest.mark.parametrize("form", ["text", "markdown", "latex", "csv"])
def test_no_cell_commands_a_terminal(form: str) -> None:
    name = "\x1b[31mred"
    listing = Listing(headers=[name], rows=[[name]], records=[{name: name}])
    assert "\x1b" not in FORMATS[form](listing)


def check_status(study: Study) -> None:
    """Count the points again: runs with equal configurations are one point."""
    found = completeness(study)
    config = study.sweeps[0].config
    if config["method"] != "grid":
        assert found.finished == int((study.runs["state"] == "finished").sum())
        return
    assert found.expected == Grid(config).size
    points = study.runs[study.runs["state"] == "finished"]["grid_point"]
    assert found.finished == points[points != ""].nunique()
    assert found.duplicated == int((points != "").sum()) - found.finished
    assert found.finished + found.running + found.preempted + found.failed + found.missing == found.expected


def check_table(study: Study, table: Any) -> None:
    """Means and intervals by pandas and scipy."""
    runs = study.runs[(study.runs["state"] == "finished") & ~study.runs["duplicate"]]
    column = study.reported.column
    for row in table.rows:
        own = runs[runs["run_id"].isin(row.runs)][column].dropna()
        assert row.test.n == len(own)
        if len(own):
            assert math.isclose(row.test.mean, own.mean(), rel_tol=1e-9, abs_tol=1e-12)
        if own.nunique() > 1:
            exact = statistics.stdev(own.tolist())  # by fractions: 1e300 has a square there
            half = stats.t.ppf(0.975, len(own) - 1) * exact / math.sqrt(len(own))
            assert math.isclose(row.test.half_width, half, rel_tol=1e-6, abs_tol=1e-320)
        assert math.isfinite(row.validation)
    if table.rows and "model" not in study.parameters:
        sign = study.metric.sign
        means = [sign * row.validation for row in table.rows]
        assert means == sorted(means, reverse=True)
        keys = [pd.Series(runs[name].map(repr), name=name) for name in study.parameters]
        measured = runs[study.metric.column].notna()
        if not keys and measured.any():
            assert len(table.rows) == 1


def check_escaped(form: str, text: str) -> None:
    """Nothing of the hostile names has become more than text."""
    assert "\x1b" not in text or form == "json"
    if form == "markdown":
        plain = re.sub(r"(`{3,})yaml.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
        assert not re.search(r"(?<!\\)<(script|b)", plain)
        assert "**bold**" not in plain
        assert not re.search(r"(?<!\\)\]\(javascript", plain)  # with a backslash in front it is no link
        for line in plain.splitlines():
            if line.startswith("|"):
                assert not re.search(r"(?<!\\)\|b(?!old)", line.replace("\\|", ""))
    elif form == "latex":
        body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
        assert not re.search(r"(?<!\\)[%#]", body)
        assert "a^b" not in body
        assert "~c" not in body
    elif form == "csv":
        for row in csv.reader(io.StringIO(text)):
            assert not any(cell.startswith(("=", "@", "+")) for cell in row)
    elif form == "json":
        json.loads(text, parse_constant=lambda constant: (_ for _ in ()).throw(ValueError(constant)))
