"""Run filters and orders on real SQLite, against mongomock's reading of the same filter."""

import functools
import json
import sqlite3
from typing import Any

import mongomock
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metasweep.server.store.base import database, functions
from metasweep.server.store.base.order import order_by
from metasweep.server.store.runs import filters

SCHEMA = database.SCHEMA.read_text()
DEFAULTS = {
    "project_id": 1,
    "display_name": "",
    "state": "finished",
    "username": "me",
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "heartbeat_at": "2026-01-01T00:00:00Z",
}


@pytest.fixture(scope="module")
def database() -> sqlite3.Connection:
    """An empty database of the server's own schema."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    projects = [(1, "team", "mnist"), (2, "others", "digits")]
    connection.executemany("INSERT INTO projects VALUES (?, ?, ?, NULL, '2026-01-01T00:00:00Z')", projects)
    functions.register(connection)
    return connection


def insert(database: sqlite3.Connection, rows: list[dict[str, Any]]) -> None:
    """Make the runs these rows, named 0, 1, 2, …"""
    database.execute("DELETE FROM runs")
    for number, row in enumerate(rows):
        row = {"name": str(number), **DEFAULTS, **row}
        values = [json.dumps(v) if isinstance(v, (dict, list)) else v for v in row.values()]
        marks = ", ".join("?" * len(row))
        database.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({marks})", values)


def select(database: sqlite3.Connection, query: dict[str, Any], order: str = "+created_at") -> list[int]:
    """The numbers of the runs that a filter selects, in order."""
    condition, parameters = filters.compile_filter(query)
    sql = f"SELECT name FROM runs WHERE {condition} ORDER BY {order_by(filters.compile_order(order))}"
    return [int(name) for (name,) in database.execute(sql, parameters)]


NUMBERS = st.sampled_from([-1, 0, 1, 2, 0.5, 1.0, 1e-5])
TEXTS = st.sampled_from(["", "a", "ab", "1", "é"])
SCALARS = NUMBERS | TEXTS | st.none()
STORED = SCALARS | st.lists(NUMBERS | TEXTS, max_size=3)
KEYS = ["lr", "val/acc", "naïve key"]
# Booleans have a key of their own: to mongomock, true equals 1.
VALUES = {**dict.fromkeys(KEYS, STORED), "done": st.booleans() | TEXTS}
DOCUMENTS = st.fixed_dictionaries({}, optional={**VALUES, "net": st.fixed_dictionaries({}, optional=VALUES)})
RUNS = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["finished", "running"]),
        "group_name": st.none() | TEXTS,
        "tags": st.lists(TEXTS, max_size=2),
        "config": DOCUMENTS,
        "summary": DOCUMENTS,
    }
)
OPERATORS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), SCALARS),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), NUMBERS | TEXTS),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(SCALARS, max_size=3)),
    st.tuples(st.just("$exists"), st.booleans()),
    st.tuples(st.just("$regex"), st.sampled_from(["^a", "b$", ".", "[0-9]", "é"])),
)
OPERANDS = (
    SCALARS
    | st.lists(OPERATORS, min_size=1, max_size=2).map(dict)
    | st.lists(OPERATORS, min_size=1, max_size=1).map(lambda operators: {"$not": dict(operators)})
)
PATHS = [
    *("state", "group", "tags"),
    *(f"{part}.{key}" for part in ("config", "summary_metrics") for key in KEYS),
    *(f"{part}.net.{key}" for part in ("config", "summary_metrics") for key in KEYS),
]
ON_BOOLEANS = st.one_of(
    st.booleans() | st.none(),
    st.dictionaries(st.sampled_from(["$eq", "$ne", "$gt", "$lte", "$exists"]), st.booleans(), min_size=1),
)
CLAUSES = st.one_of(
    st.dictionaries(st.sampled_from(PATHS), OPERANDS, min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(["config.done", "summary_metrics.net.done"]), ON_BOOLEANS, min_size=1),
)
FILTERS = st.recursive(
    CLAUSES,
    lambda inner: st.tuples(
        st.sampled_from(["$and", "$or", "$nor"]), st.lists(inner, min_size=1, max_size=3)
    ).map(lambda pair: dict([pair])),
    max_leaves=4,
)


def as_row(run: dict[str, Any]) -> dict[str, Any]:
    return {**run, "config": {key: {"value": value} for key, value in run["config"].items()}}


def as_document(number: int, run: dict[str, Any]) -> dict[str, Any]:
    """The run as MongoDB would hold it: a column without a value is a missing key."""
    document = {"number": number, "state": run["state"], "tags": run["tags"], "config": run["config"]}
    group = {} if run["group_name"] is None else {"group": run["group_name"]}
    return {**document, "summary_metrics": run["summary"], **group}


@settings(max_examples=200)
@given(runs=st.lists(RUNS, min_size=1, max_size=6), query=FILTERS)
def test_filters_select_what_mongodb_selects(
    database: sqlite3.Connection, runs: list[dict[str, Any]], query: dict[str, Any]
) -> None:
    insert(database, [as_row(run) for run in runs])
    collection = mongomock.MongoClient().test.runs
    collection.insert_many([as_document(number, run) for number, run in enumerate(runs)])
    assert select(database, query) == sorted(run["number"] for run in collection.find(query))


RUN = {
    "display_name": "point-7",
    "sweep": "abc123",
    "group_name": "g",
    "job_type": "train",
    "notes": "first try",
    "created_at": "2026-03-01T12:00:00Z",
    "tags": ["baseline", "v2"],
    "config": {
        "lr": {"value": 0.1, "desc": None},
        "layer.width": {"value": 64},
        "net": {"value": {"act": {"name": "relu"}}},
        "list": {"value": [1, 2]},
    },
    "summary": {"val/acc": 0.97, "val.loss": 0.2, "grad": {"mean": 0.5}, "Verlust für é": 3},
    "history_keys": {"val/acc": "number"},
}
SELECTED = [
    {},
    {"$and": [{"sweep": "abc123"}]},
    {"$or": [{"$and": []}]},
    {"$and": [None, {"state": "finished"}]},
    {"state": {"$in": ["finished", "running"]}, "username": "me"},
    {"name": "0"},
    {"displayName": {"$regex": "^point-[0-9]+$"}},
    {"display_name": {"$regex": "^POINT", "$options": "i"}},
    {"group": "g", "jobType": "train", "notes": {"$regex": "first"}},
    {"entity": "team", "project": "mnist"},
    {"config.list": {"$nin": [True, False]}, "config.list.value": {"$ne": True}, "config.lr": 0.1},
    {"config.lr": 0.1, "config.lr.value": {"$gt": 0.05, "$lte": 0.1}},
    {"config.layer.width": 64},
    {"config.layer.width.value": 64},
    {"config.net.act.name": "relu", "config.net.value.act.name": "relu"},
    {"config.net.act": {"name": "relu"}},
    {"config.list": 2, "config.list.value": [1, 2]},
    {"summary_metrics.val/acc": {"$gte": 0.97}, "summary.val/acc": 0.97},
    {"summary_metrics.val.loss": 0.2, "summary_metrics.grad.mean": {"$lt": 1}},
    {"summary_metrics.Verlust für é": 3},
    {"keys_info.keys.val/acc": {"$exists": True}},
    {"tags": "v2"},
    {"tags": {"$nin": ["v1", "v3"]}},
    {"created_at": {"$gte": "2026-03-01", "$lt": "2026-03-01T12:00:01"}},
    {"createdAt": {"$gt": "2026-03-01T13:59:59+02:00"}},
    {"created_at": "2026-03-01T12:00:00Z"},
    {"$not": {"state": "failed"}, "state": {"$not": {"$eq": "failed"}}},
    {"summary_metrics.test/acc": None, "config.lr": {"$ne": "0.1"}},
]


@pytest.mark.parametrize("query", SELECTED, ids=json.dumps)
def test_every_key_and_operator_that_the_client_uses(
    database: sqlite3.Connection, query: dict[str, Any]
) -> None:
    other = {
        "project_id": 2,
        "state": "failed",
        "tags": ["v1"],
        "config": {"lr": {"value": "0.1"}},
        "summary": {"val/acc": "NaN"},
    }
    insert(database, [RUN, other])
    everything = query in ({}, {"$or": [{"$and": []}]})
    assert select(database, query) == ([1, 0] if everything else [0])
    assert select(database, {"$nor": [query]}, "+name") == ([] if everything else [1])


MISTAKES = [
    ({"sate": "failed"}, "unknown key 'sate' (did you mean state or config.sate or summary_metrics.sate?)"),
    ({"state": {"$equals": "failed"}}, "unknown operator $equals"),
    ({"$xor": []}, "unknown operator $xor"),
    ({"$or": {"state": "failed"}}, "$or needs a list of filters"),
    ({"$and": ["failed"]}, "a filter is a mapping such as"),
    ({"state": {"$in": "failed"}}, "$in and $nin need a list, not 'failed'"),
    ({"name": {"$regex": "("}}, "$regex '(': missing )"),
    ({"name": {"$regex": 3}}, "$regex needs a text"),
    ({"name": {"$gt": [1]}}, "$gt compares with a number, a text or a boolean"),
    ({"created_at": {"$gt": "yesterday"}}, "a time is written like 2026-01-31T12:00:00Z, not 'yesterday'"),
    ({'config.a"b': 1}, "has characters that a filter cannot have"),
    ({"name": "\ud800"}, "is not valid Unicode"),
    (functools.reduce(lambda inner, _: {"$not": inner}, range(60), {}), "nested more than 50 levels deep"),
]


@pytest.mark.parametrize(("query", "message"), MISTAKES)
def test_a_mistake_is_named(query: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        filters.compile_filter(query)
    assert message in str(caught.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
ANY_KEYS = st.text(max_size=6) | st.text(max_size=6).map(lambda text: f"config.{text}")
ANY_OPERATORS = st.sampled_from(
    ["$and", "$or", "$not", "$eq", "$ne", "$gt", "$in", "$nin", "$exists", "$regex"]
)


@settings(max_examples=150)
@given(
    query=st.recursive(
        ANYTHING,
        lambda inner: (
            st.dictionaries(ANY_OPERATORS | ANY_KEYS | st.sampled_from(PATHS), inner, max_size=3)
            | st.lists(inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_no_filter_breaks_the_query(database: sqlite3.Connection, query: Any) -> None:
    """It is refused with a ValueError, or SQLite can carry it out."""
    insert(database, [RUN])
    try:
        condition, parameters = filters.compile_filter(query)
    except ValueError:
        return
    assert database.execute(f"SELECT ({condition}) FROM runs", parameters).fetchone()[0] in (0, 1)


@pytest.mark.parametrize("text", ["' OR 1=1 --", "'); DROP TABLE runs; --", "a' || 'b", "?", "{}", "%"])
def test_texts_and_keys_are_never_sql(database: sqlite3.Connection, text: str) -> None:
    insert(database, [{"config": {text: {"value": text}}}, {}])
    assert select(database, {f"config.{text}": text}) == [0]
    assert select(database, {"display_name": text}) == []
    assert select(database, {}, f"-config.{text}") == [0, 1]


def test_long_lists_of_runs_are_no_problem(database: sqlite3.Connection) -> None:
    insert(database, [{} for _ in range(20)])
    names = [str(number) for number in range(10, 3000)]
    expected = list(range(10, 20))
    assert sorted(select(database, {"$or": [{"name": name} for name in names]})) == expected
    assert sorted(select(database, {"name": {"$in": names}})) == expected


def test_a_pattern_that_others_choke_on_is_quick(database: sqlite3.Connection) -> None:
    insert(database, [{"display_name": "a" * 5000 + "b"}])
    assert select(database, {"display_name": {"$regex": "^(a+)+$"}}) == []  # takes forever by backtracking


ACCURACIES: list[Any] = [0.5, "NaN", 1, None, 0.25, True, "high"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("+summary_metrics.val/acc", [4, 0, 2, 1, 6, 5, 3]),
        ("-summary_metrics.val/acc", [2, 0, 4, 6, 1, 5, 3]),  # the best first, whatever was logged elsewhere
        ("config.lr", [1, 3, 5, 0, 2, 4, 6]),
        ("-config.lr.value,+name", [0, 2, 4, 6, 1, 3, 5]),
        ("+created_at", [0, 1, 2, 3, 4, 5, 6]),
        ("-createdAt", [6, 5, 4, 3, 2, 1, 0]),
        ("-group", [5, 6, 4, 3, 2, 1, 0]),
        ("", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_orders(database: sqlite3.Connection, order: str, expected: list[int]) -> None:
    rows = [
        {
            "summary": {} if accuracy is None else {"val/acc": accuracy},
            "config": {"lr": {"value": 0.1 if number % 2 else 1}},
            "group_name": {5: "b", 6: "a"}.get(number),
        }
        for number, accuracy in enumerate(ACCURACIES)
    ]
    insert(database, rows)
    assert select(database, {}, order) == expected


def test_an_order_by_what_runs_do_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown key 'speed'"):
        filters.compile_order("-speed")
