"""One grid for all: agent, server and report count and name the same points of any config."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from metasweep.agent.points.missing import Missing
from metasweep.client.account import Account
from metasweep.client.protocol import Client, SweepName
from metasweep.client.sweep import Sweep
from metasweep.report.measure.status import completeness
from metasweep.report.read import study as report
from metasweep.report.read.records import RunRecord, assemble
from metasweep.server.store.base import database
from metasweep.server.store.points import claims, configs
from metasweep.sweeps import Grid, grid_size, validate
from metasweep.sweeps.points import named, parameters_by_name, points_in_all
from tests.sweeps.test_grid import GRIDS

MOST = 60
KINDS = st.sampled_from(
    [1, "1", 1.0, True, "true", "3.1", "3.10", 3.1, "a", None, [1], {"k": 1}, "1e-3", 0.001]
)
MIXED = st.fixed_dictionaries(
    {
        "x": st.fixed_dictionaries({"values": st.lists(KINDS, min_size=1, max_size=6)}),
        "seed": st.just({"values": [1, 2]}),
    }
).map(lambda specs: {"method": "grid", "parameters": specs})


class Listing(Client):
    """A server that lists these runs."""

    def __init__(self, configs: list[dict[str, Any]]) -> None:
        super().__init__(Account("http://127.0.0.1:9", "key"))
        self._configs = configs

    def runs(self, *_: Any, **__: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for number, config in enumerate(self._configs):
            yield f"run{number}", "finished", config


def claimed(connection: sqlite3.Connection, config: dict[str, Any]) -> list[dict[str, Any]]:
    """The configs of all runs that the server hands out for a sweep, as JSON brings them back."""
    connection.execute("DELETE FROM sweeps")
    key = configs.new_key()
    sweep_id = database.insert(
        connection,
        "sweeps",
        project_id=1,
        name="s",
        method="grid",
        config_key=key,
        state="RUNNING",
        points=grid_size(config),
        seed=1,
        created_at="",
        updated_at="",
    )
    configs.add(connection, key, sweep_id, json.dumps(config), config)
    found = []
    while True:
        sweep = connection.execute("SELECT * FROM sweeps").fetchone()
        taken = claims.next_new(connection, sweep, config, None)
        if taken is None:
            return found
        found.append(json.loads(json.dumps(taken[1])))


@pytest.fixture(scope="module")
def connection() -> sqlite3.Connection:
    found = database.connect(Path(":memory:"))
    database.migrate(found, 0)
    found.execute("PRAGMA foreign_keys = OFF")
    return found


def reported(config: dict[str, Any], configs: list[dict[str, Any]]) -> report.Study:
    """The study of one finished run per config."""
    sweep = report.Sweep("e/p/s", "s", "", "FINISHED", config)
    time = "2026-01-01T00:00:00Z"
    records = [
        RunRecord(f"run{n}", "", "", "s", "finished", time, time, values, {"val/acc": 0.5}, "")
        for n, values in enumerate(configs)
    ]
    return assemble([sweep], records, {})


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=GRIDS | MIXED)
def test_agent_server_and_report_know_the_same_points(
    connection: sqlite3.Connection, config: dict[str, Any]
) -> None:
    size = Grid(config).size
    assume(size <= MOST)
    assert [problem for problem in validate(config) if problem.severity == "error"] == []
    points = claimed(connection, config)
    assert len(points) == size

    tried = Missing(Listing(points), Sweep(SweepName("e", "p", "s"), config)).tried()
    assert {index: len(each.states) for index, each in tried.items()} == dict.fromkeys(range(size), 1)

    study = reported(config, points)
    found = completeness(study)
    assert (found.expected, found.finished, found.duplicated, found.missing) == (size, size, 0, 0)
    told_apart = [*study.parameters, *({"seed"} & set(study.runs))]
    assert not told_apart or study.runs.groupby(told_apart, dropna=False).ngroups == size

    if size > 1:
        lacking = completeness(reported(config, points[1:]))
        assert lacking.missing_points == (named([config], points[0]),)
        assert list(lacking.missing_points[0]) == list(parameters_by_name(config))


def test_points_that_two_sweeps_share_count_once() -> None:
    grids = [
        Grid({"parameters": {"lr": {"values": values}, "epochs": {"value": 2}}})
        for values in ([1, 2], [2.0, 3])
    ]
    assert points_in_all(grids) == 3


def test_a_grid_too_large_to_list_has_its_numbers_and_some_of_its_missing_points() -> None:
    config = {"method": "grid", "parameters": {name: {"min": 1, "max": 10**6} for name in "abc"}}
    found = completeness(reported(config, [{"a": 1, "b": 1, "c": 1}]))
    assert (found.expected, found.finished, found.missing) == (10**18, 1, 10**18 - 1)
    assert found.missing_points[0] == {"a": 1, "b": 1, "c": 2}
    assert 0 < len(found.missing_points) <= 10_000
