"""A sweep moves from one server to another through the cloud's faults, with every row of its histories."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
import wandb
import yaml

from tests import service
from tests.cloud.faults import Faults
from tests.cloud.limits import Limit
from tests.cloud.proxy import Cloud, serve
from tests.conftest import ServerProcess, make_server

GRID = {"method": "grid", "name": "moved", "parameters": {"x": {"values": [0, 1, 2, 3]}}, "program": "p.py"}
PROGRAM = """
import sys, wandb
sweep, x = sys.argv[1], int(sys.argv[2])
settings = wandb.Settings(sweep_id=sweep, run_id=f"run{x}")
with wandb.init(project="study", config={"x": x, "nested": {"a": [1, "b"]}}, settings=settings,
                name=f"point {x}", tags=["old"], group="g", notes="kept") as run:
    for step in range(40 + x):
        run.log({"loss": 1 / (step + 1), "odd": float("nan") if step == 3 else step})
    run.log({"table": wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]])})
    open("weights.bin", "wb").write(bytes(range(256)) * 50)
    run.save("weights.bin")
    print("said something")
    if x == 3:
        sys.exit(1)
"""
FIELDS = ("state", "name", "tags", "group", "notes", "config")


@pytest.fixture
def source() -> Iterator[tuple[ServerProcess, str]]:
    """A server with a sweep of four runs, the last of which failed; and the sweep's name."""
    for server in make_server():
        (server.home / "sweep.yaml").write_text(yaml.safe_dump(GRID))
        made = server.run("wandb", "sweep", "--project", "study", "sweep.yaml", WANDB_SILENT="false")
        name = (made.stdout + made.stderr).split("wandb agent ")[-1].split()[0]
        for x in range(4):
            done = server.run(sys.executable, "-c", PROGRAM, name.rpartition("/")[2], str(x))
            assert done.returncode == (x == 3), done.stderr
        yield server, name


@pytest.fixture
def other_server() -> Iterator[ServerProcess]:
    yield from make_server()


def everything(server: ServerProcess, sweep: str) -> dict[str, dict[str, Any]]:
    """All of the runs of a sweep, by id."""
    service.leave()
    api = wandb.Api({"base_url": server.url}, api_key=server.key)
    found = {}
    for run in api.sweep(sweep).runs:
        fields = {name: getattr(run, name) for name in FIELDS}
        files = {file.name: (file.size, file.md5) for file in run.files()}
        history = [text_of(row) for row in run.scan_history()]
        summary = text_of(run.summary_metrics)
        found[run.id] = fields | {"summary": summary, "files": files, "history": history}
    return found


def text_of(row: dict[str, Any]) -> str:
    """A row as text: a NaN is equal to itself then."""
    return json.dumps(row, sort_keys=True)


def assert_same(found: dict[str, dict[str, Any]], expected: dict[str, dict[str, Any]]) -> None:
    """Name what differs."""
    assert list(found) == list(expected)
    for run, fields in expected.items():
        assert {name for name, value in fields.items() if found[run][name] != value} == set(), run


def command(way: str, here: ServerProcess, sweep: str, there: str, key: str) -> list[str]:
    """`metasweep push` or `pull` between the server of a data directory and that of an address."""
    where = [f"WANDB_BASE_URL={there}", f"WANDB_API_KEY={key}"]
    asked = [sys.executable, "-m", "metasweep", way, sweep, "--server-dir", str(here.data_dir)]
    return ["env", *where, *asked]


@pytest.mark.usefixtures("client_env")
def test_a_sweep_is_pushed_whole_resumed_and_pulled_back(
    source: tuple[ServerProcess, str], other_server: ServerProcess, own_server: ServerProcess
) -> None:
    server, sweep = source
    faults = Faults(seed=5, busy=0.03, burst=2, reset=0.05, lost=0.1)
    with serve(Cloud(other_server.url, faults=faults, limits={"all": Limit(60, seconds=4)})) as cloud:
        push = command("push", server, sweep, cloud.url, other_server.key)
        cut_off = subprocess.Popen(push, env=server.env, cwd=server.home, stderr=subprocess.DEVNULL)
        while cloud.seen["file_stream"] < 3 and cut_off.poll() is None:
            time.sleep(0.01)
        cut_off.kill()
        cut_off.wait()
        done = server.run(*push)
        assert done.returncode == 0, done.stderr
        copy = done.stdout.strip()
        assert_same(everything(other_server, copy), everything(server, sweep))
        assert config_of(other_server, copy) == config_of(server, sweep)
        assert table_of(other_server, copy) == {"columns": ["a", "b"], "data": [[1, "x"], [2, "y"]]}
    with serve(Cloud(other_server.url)) as cloud:
        again = server.run(*command("push", server, sweep, cloud.url, other_server.key))
        assert again.stdout.strip() == copy
        assert "4 there already" in again.stderr
        assert cloud.total <= 4, cloud.seen
        back = own_server.run(*command("pull", own_server, copy, cloud.url, other_server.key))
        assert back.returncode == 0, back.stderr
    assert_same(everything(own_server, back.stdout.strip()), everything(server, sweep))


@pytest.mark.usefixtures("client_env")
def test_a_sweep_that_does_not_exist(own_server: ServerProcess, other_server: ServerProcess) -> None:
    done = own_server.run(*command("pull", own_server, "e/p/nosweep1", other_server.url, other_server.key))
    assert done.returncode == 1
    assert f"there is no sweep e/p/nosweep1 at {other_server.url}" in done.stderr


def table_of(server: ServerProcess, sweep: str) -> dict[str, Any]:
    """The table that the first run of a sweep logged, read as a file of the run."""
    service.leave()
    run = next(iter(wandb.Api({"base_url": server.url}, api_key=server.key).sweep(sweep).runs))
    with run.file(run.summary["table"]["path"]).download(str(server.home / "tables")) as file:
        read = json.load(file)
    return {name: read[name] for name in ("columns", "data")}


def config_of(server: ServerProcess, sweep: str) -> dict[str, Any]:
    """The configuration of a sweep."""
    service.leave()
    return wandb.Api({"base_url": server.url}, api_key=server.key).sweep(sweep).config
