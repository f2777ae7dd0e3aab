"""The commands on real runs of the real client, read back from a real server."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.analysis.toy import GRID
from tests.conftest import ServerProcess

TOY = Path(__file__).with_name("toy.py")
SWEEP_YAML = """
program: toy.py
method: grid
metric: {name: val/acc, goal: maximize}
parameters:
  model: {values: [dense, cnn]}
  lr: {values: [0.1, 1e-3]}   # YAML reads 1e-3 as a string
  dp: {values: [0, 0.5]}
  seed: {values: [1, 2, 3]}
"""


@dataclass
class Toy:
    """A sweep of which one run failed, one point is missing, one was run twice and one diverged."""

    server: ServerProcess
    sweep: str

    def analysis(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return self.server.run(sys.executable, "-m", "analysis", *arguments, **env)


@pytest.fixture(scope="module")
def toy(server: ServerProcess) -> Toy:
    (server.home / "sweep.yaml").write_text(SWEEP_YAML)
    (server.home / "blocked").mkdir()
    (server.home / "blocked" / "metasweep").touch()  # where the cache wants a folder
    created = server.run("wandb", "sweep", "--project", "toy", "sweep.yaml", WANDB_SILENT="false")
    assert created.returncode == 0, created.stderr
    sweep = (created.stdout + created.stderr).split("wandb agent ")[-1].split()[0]
    made = server.run(sys.executable, str(TOY), sweep.rpartition("/")[2])
    assert made.returncode == 0, made.stderr
    return Toy(server, sweep)


def test_status_counts_every_point_once(toy: Toy) -> None:
    found = toy.analysis("status", toy.sweep, "--format", "json")
    assert found.returncode == 1, found.stderr  # not complete
    status = json.loads(found.stdout)
    counts = {"expected": 24, "finished": 22, "running": 0, "failed": 1, "missing": 1, "duplicated": 1}
    assert status["rows"] == [counts]
    assert {**status["failed_points"][0], "lr": 0.001} == GRID[-2]
    assert {**status["missing_points"][0], "lr": 0.001} == GRID[-1]


def test_table_of_real_runs(toy: Toy) -> None:
    found = toy.analysis("table", toy.sweep, "--format", "csv", "--top", "1")
    assert found.returncode == 0, found.stderr
    rows = list(csv.DictReader(io.StringIO(found.stdout)))
    assert [row["name"] for row in rows] == [*2 * ["configuration"], "random", "majority class (no)"]
    best = rows[1]
    expected = {"model": "cnn", "lr": "0.1", "dp": "0.0", "n": "3", "best": "True"}
    assert expected.items() <= best.items()
    assert float(best["test_mean"]) == pytest.approx(0.962)  # seeds 0.961, 0.962, 0.963
    assert float(best["test_half_width"]) == pytest.approx(4.302653 * 0.001 / 3**0.5)
    assert float(rows[3]["test_mean"]) == 0.5


def test_report_of_an_incomplete_sweep(toy: Toy) -> None:
    found = toy.analysis("report", toy.sweep, "--output", "out")
    assert found.returncode == 0, found.stderr
    readme = (toy.server.home / "out" / "README.md").read_text()
    assert "22 of 24 finished" in readme
    assert "1 NaN (the loss became NaN or infinite)" in readme
    assert "**96.20 ± 0.25**" in readme
    linked = [part.split('"')[0] for part in readme.split('src="')[1:]]
    assert len(linked) >= 8
    for path in linked:
        assert (toy.server.home / "out" / path).stat().st_size > 1000
    assert toy.server.url in (toy.server.home / "out" / "index.html").read_text()
    assert len(pd.read_csv(toy.server.home / "out" / "data" / "runs.csv")) == 24
    assert r"\textbf{96.20 $\pm$ 0.25}" in (toy.server.home / "out" / "tables" / "results.tex").read_text()


@pytest.mark.parametrize(
    ("arguments", "env", "code", "words"),
    [
        (["table", "SWEEP", "--where", "lr > 1"], {}, 1, "No run fulfils"),
        (["table", "SWEEP", "--interval", "z"], {}, 2, "bootstrap"),
        (["table"], {}, 2, "SWEEP"),
        (["status", "SWEEPx"], {}, 1, "no sweep"),
        (["status", "SWEEP"], {"WANDB_API_KEY": "f" * 40}, 1, "refused the key"),
        (["status", "SWEEP"], {"WANDB_API_KEY": ""}, 1, "wandb login"),
        (["status", "SWEEP"], {"WANDB_BASE_URL": "http://127.0.0.1:9"}, 1, "No server answers"),
        (["status", "SWEEP", "--local", "--server-dir", "nowhere"], {}, 1, "nowhere"),
        (["charts", "SWEEP", "--output", "sweep.yaml/out"], {}, 1, "Cannot write"),
        (["status", "SWEEP"], {"XDG_CACHE_HOME": "blocked"}, 1, "cache blocked/metasweep"),
    ],
)
def test_mistakes_cost_one_line(
    toy: Toy, arguments: list[str], env: dict[str, str], code: int, words: str
) -> None:
    found = toy.analysis(*(argument.replace("SWEEP", toy.sweep) for argument in arguments), **env)
    assert found.returncode == code
    assert "Traceback" not in found.stderr
    assert found.stdout == ""
    message = found.stderr.strip().splitlines()[-1]
    assert words in message
    if code == 1:
        assert len(found.stderr.strip().splitlines()) == 1


def test_confirming_sweeps_are_made_and_reported_on(toy: Toy) -> None:
    made = toy.analysis("table", toy.sweep, "--top", "1", "--confirm", "--create")
    dense, cnn = made.stdout.split()
    sweeps = [word for name in (dense, cnn) for word in ("--confirmed", name)]
    early = toy.analysis("table", toy.sweep, *sweeps)
    assert early.returncode == 1
    assert "has no runs yet" in early.stderr


def test_a_project_is_its_sweeps_and_the_runs_of_none(toy: Toy) -> None:
    found = toy.analysis("status", toy.sweep.rpartition("/")[0], toy.sweep, "--format", "json")
    assert json.loads(found.stdout)["rows"][0]["finished"] == 24, found.stderr  # 23 and the other
    table = toy.analysis("table", toy.sweep.rpartition("/")[0])
    assert "1 finished run has no val/acc and cannot be chosen." in table.stdout
    assert "96.20 ± 0.25" in table.stdout


def test_local_reads_the_embedded_server(toy: Toy) -> None:
    unset = {"WANDB_BASE_URL": "", "WANDB_API_KEY": ""}
    arguments = ["--local", "--server-dir", str(toy.server.data_dir), "--format", "json"]
    found = toy.analysis("baselines", toy.sweep, *arguments, **unset)
    assert json.loads(found.stdout)["majority_accuracy"] == 0.5, found.stderr
