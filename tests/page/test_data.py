"""The JSON of the page: it loses nothing that matters, is safe in HTML and small."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metasweep.page import encode, render, to_json
from metasweep.page.data import encode_column, encode_curve
from tests.page.synthetic import METRICS, study

VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(), st.text(max_size=5))


def decode_column(column):
    """What the page's script makes of a column."""
    if isinstance(column, list):
        return column
    if "levels" in column:
        return [column["levels"][code] for code in column["codes"]]
    return [column["prefix"] + rest for rest in column["rest"]]


@given(st.lists(VALUES) | st.lists(st.sampled_from(["adam", 1, 1.0, True, None, 0.5])))
def test_a_column_comes_back_as_it_was(values):
    decoded = decode_column(json.loads(to_json({"column": encode_column(values)}))["column"])
    assert len(decoded) == len(values)
    for value, back in zip(values, decoded, strict=True):
        if isinstance(value, float) and not math.isfinite(value):
            assert back is None
        elif isinstance(value, float):
            assert back == pytest.approx(value, rel=1e-5)
        else:
            assert back == value
            assert type(back) is type(value)


def test_numpy_and_pandas_values_become_plain_ones():
    columns = {"n": [1234567, 2], "x": [0.1, float("nan")], "ok": [True, False], "name": ["a", None]}
    frame = pd.DataFrame(columns)
    encoded = [encode_column(frame[name]) for name in frame]
    assert encoded == [[1234567, 2], [0.1, None], [True, False], ["a", None]]


@given(st.text())
def test_no_text_can_end_the_script_element(text):
    document = to_json({"text": text})
    assert "<" not in document
    assert json.loads(document)["text"] == text


def test_times_that_agree_are_stored_once():
    curve = study(3).curves[0]
    rows = [[1, 2, 3], [1, 2], [1, 2, 3]]
    assert encode_curve(replace(curve, x=rows))["x"] == [1, 2, 3]
    assert encode_curve(replace(curve, x=[*rows[:2], [1, 2, 4]]))["x"] == [*rows[:2], [1, 2, 4]]


def test_columns_that_do_not_fit_are_refused():
    data = study(4)
    with pytest.raises(ValueError, match="lack the columns val_acc"):
        encode(replace(data, runs={name: column for name, column in data.runs.items() if name != "val_acc"}))
    with pytest.raises(ValueError, match="column name has 1 values for 4 runs"):
        encode(replace(data, runs={**data.runs, "name": ["x"]}))
    with pytest.raises(ValueError, match="color nothing"):
        encode(replace(data, color="nothing"))
    with pytest.raises(ValueError, match="curve test_acc has 0 runs instead of 4"):
        encode(replace(data, curves=[replace(data.curves[0], metric=METRICS[1], y=[])]))


def test_four_hundred_runs_with_curves_are_less_than_a_megabyte():
    assert len(render(study(400, epochs=20)).encode()) < 1_000_000


def test_the_same_data_give_the_same_bytes():
    assert render(study(40)) == render(study(40))
