"""The commands on real runs of the real client, read back from a real server."""

from __future__ import annotations

import csv
import filecmp
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis.__main__ import ORDER
from tests.report.conftest import Toy
from tests.report.toy import GRID


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


RERUN = """
import sys
from tests.report.toy import run
for seed in range(4, 9):
    run(sys.argv[1], {"model": sys.argv[2], "lr": 0.1, "dp": 0, "seed": seed})
"""


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def linked(page: Path) -> set[str]:
    """Files beside a Markdown page to which it refers."""
    found = re.findall(r'\]\(([^)]+)\)|(?:src|srcset)="([^"]+)"', page.read_text())
    return {one or other for one, other in found if not (one or other).startswith("http")}


def alone(toy: Toy, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new process, which reads the seed of its hashes when it starts."""
    return toy.server.run(sys.executable, "-m", "analysis", *arguments, **env)


@pytest.fixture(scope="module")
def out(toy: Toy) -> Path:
    """The whole report."""
    made = alone(toy, "report", toy.sweep, "--output", "out", PYTHONHASHSEED="1")
    assert made.returncode == 0, made.stderr
    return toy.server.home / "out"


def test_report_of_an_incomplete_sweep(toy: Toy, out: Path) -> None:
    readme = (out / "README.md").read_text()
    headings = re.findall(r"^## (.+)$", readme, re.MULTILINE)
    assert len(headings) == len(ORDER) - 1 == len(set(headings))  # no trade-offs
    assert "22 of 24 finished" in readme
    assert "1 NaN (the loss became NaN or infinite)" in readme
    assert "**96.20 ± 0.25**" in readme
    for page in (out / "README.md", out / "data" / "README.md"):
        for path in linked(page):
            assert (page.parent / path).stat().st_size > 0, path
    figures = {path for path in files_of(out) if path.startswith("figures/") and path.endswith("svg")}
    assert figures == {path for path in linked(out / "README.md") if path.startswith("figures/")}
    assert toy.server.url in (out / "index.html").read_text()
    assert r"\textbf{96.20 $\pm$ 0.25}" in (out / "tables" / "results.tex").read_text()


def test_tables_of_the_report_agree_across_formats(toy: Toy) -> None:
    made = toy.analysis(
        "report", toy.sweep, "--output", "tables-only", "--only", "results", "--only", "effects"
    )
    assert made.returncode == 0, made.stderr
    tables = toy.server.home / "tables-only" / "tables"
    assert {path.stem for path in tables.iterdir()} == {"results", "effects"}
    for name in ("results", "effects"):
        rows = json.loads((tables / f"{name}.json").read_text())["rows"]
        from_csv = pd.read_csv(tables / f"{name}.csv").to_dict("records")
        assert len(from_csv) == len(rows)
        for one, other in zip(from_csv, rows, strict=True):
            numbers = {key: item for key, item in other.items() if isinstance(item, float)}
            assert {key: float(one[key]) for key in numbers} == pytest.approx(numbers)
    printed = (tables / "results.md").read_text()
    best = next(row for row in json.loads((tables / "results.json").read_text())["rows"] if row["best"])
    shown = f"{100 * best['test_mean']:.2f} ± {100 * best['test_half_width']:.2f}"
    assert f"**{shown}**" in printed
    assert shown in toy.analysis("table", toy.sweep).stdout


def test_the_same_data_give_the_same_bytes(toy: Toy, out: Path) -> None:
    """Read from the server or from the cache, whatever order Python's sets have."""
    made = alone(toy, "report", toy.sweep, "--output", "again", PYTHONHASHSEED="2", XDG_CACHE_HOME="other")
    assert made.returncode == 0, made.stderr
    again = toy.server.home / "again"
    names = files_of(out)
    assert names == files_of(again)
    _, differing, unreadable = filecmp.cmpfiles(out, again, names, shallow=False)
    assert (differing, unreadable) == ([], [])


def test_the_data_can_be_used_without_the_server(out: Path) -> None:
    data = out / "data"
    runs, history = pd.read_parquet(data / "runs.parquet"), pd.read_parquet(data / "history.parquet")
    assert len(runs) == len(pd.read_csv(data / "runs.csv")) == 24
    assert list(runs.columns) == list(pd.read_csv(data / "runs.csv").columns)
    assert runs["created_at"].dt.tz is not None
    assert set(runs["lr"]) == {0.1, 0.001}  # numbers, also where YAML read a string
    assert runs["duplicate"].sum() == 1
    assert history.groupby("run_id").size().eq(2).all()
    explained = (data / "README.md").read_text()
    parameters = {"model", "lr", "dp", "seed"}
    for name in (*runs.columns, *history.columns):
        assert name in parameters or f"| {name} |" in explained


def test_a_section_alone_reads_well_in_a_terminal(toy: Toy) -> None:
    found = toy.analysis("section", "findings", toy.sweep, COLUMNS="80")
    assert found.returncode == 0, found.stderr
    assert "lr 0.1 is best on average" in " ".join(found.stdout.split())
    assert "figures/" not in found.stdout
    assert max(map(len, found.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("options", "half_width"),
    [
        (["--interval", "normal"], 1.959964 * 0.001 / 3**0.5),
        (["--confidence", "0.99"], 9.924843 * 0.001 / 3**0.5),
        (["--where", "seed < 3"], 12.706205 * 0.0005),
    ],
)
def test_options_of_the_interval(toy: Toy, options: list[str], half_width: float) -> None:
    found = toy.analysis("table", toy.sweep, "--format", "json", *options)
    best = next(row for row in json.loads(found.stdout)["rows"] if row["best"])
    assert best["test_half_width"] == pytest.approx(half_width, rel=1e-4)


def test_baselines_become_runs_once_and_stay_out_of_the_study(toy: Toy) -> None:
    logged = [toy.analysis("baselines", toy.sweep, "--log") for _ in range(2)]
    assert logged[0].returncode == 0, logged[0].stderr
    assert logged[0].stdout == logged[1].stdout
    urls = logged[0].stdout.split()
    assert len(urls) == 6
    assert all(url.startswith(f"{toy.server.url}/") for url in urls)
    project = toy.sweep.rpartition("/")[0]
    status = json.loads(toy.analysis("status", project, "--format", "json").stdout)
    assert status["rows"][0]["finished"] == 24  # as before


def test_publish_composes_native_panels_and_needs_a_server_with_reports(toy: Toy) -> None:
    composed = toy.analysis("publish", toy.sweep, "--dry-run")
    assert composed.returncode == 0, composed.stderr
    view = json.loads(composed.stdout)
    blocks = view["spec"]["blocks"]
    headings = [block["children"][0]["text"] for block in blocks if block["type"] == "heading"]
    assert len(headings) == len(ORDER) - 1
    grids = [block["metadata"] for block in blocks if block["type"] == "panel-grid"]
    panels = [panel for grid in grids for panel in grid["panelBankSectionConfig"]["panels"]]
    kinds = {panel["viewType"] for panel in panels}
    assert kinds >= {"Parallel Coordinates Plot", "Parameter Importance", "Run History Line Plot"}
    (chart,) = [panel for panel in panels if panel["viewType"] == "Parallel Coordinates Plot"]
    columns = {column["accessor"]: column.get("log") for column in chart["config"]["columns"]}
    parameters = [f"config:{name}.value" for name in ("model", "lr", "dp")]
    assert list(columns) == [*parameters, "summary:val/acc", "summary:test/acc"]
    assert columns["config:lr.value"]
    assert not columns["config:dp.value"]
    sweep_id = toy.sweep.rpartition("/")[2]
    for grid in grids:
        (chosen,) = grid["runSets"][0]["filters"]["filters"]
        assert chosen["key"] == {"section": "run", "name": "sweep"}
        assert chosen["value"] == [sweep_id]
    assert any("96.20 ± 0.25" in block.get("content", "") for block in blocks)
    refused = toy.analysis("publish", toy.sweep)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.strip().splitlines()) == 1
    assert "only W&B's own keeps them" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "code", "words"),
    [
        (["table", "SWEEP", "--where", "lr > 1"], {}, 1, "No run fulfils"),
        (["table", "SWEEP", "--interval", "z"], {}, 2, "bootstrap"),
        (["table"], {}, 2, "SWEEP"),
        (["status", "SWEEPx"], {}, 1, "no sweep"),
        (["status", "sweeps/digits.yaml"], {}, 1, "name the one made from it"),
        (["table", "SWEEP", "--where", "lr >"], {}, 2, "a value is missing"),
        (["table", "SWEEP", "--where", "nothing == cnn"], {}, 2, "there is no column nothing"),
        (["status", "SWEEP"], {"WANDB_API_KEY": "f" * 40}, 1, "refuses the key in WANDB_API_KEY: correct it"),
        (["status", "SWEEP"], {"WANDB_API_KEY": ""}, 1, "wandb login"),
        (
            ["status", "SWEEP"],
            {"WANDB_BASE_URL": "http://127.0.0.1:9"},
            1,
            "http://127.0.0.1:9 does not answer",
        ),
        (["status", "SWEEP"], {"WANDB_BASE_URL": "localhost:8080"}, 1, "is not the address of a server"),
        (
            ["status", "SWEEP", "--local", "--server-dir", "nowhere"],
            {},
            1,
            "Error: no server is running here, and there is no",
        ),
        (["charts", "SWEEP", "--output", "sweep.yaml/out"], {}, 1, "cannot write to"),
        (["report", "SWEEP", "--only", "nothing"], {}, 2, "provenance"),
        (["section", "nothing", "SWEEP"], {}, 2, "provenance"),
        (["status", "SWEEP"], {"XDG_CACHE_HOME": "sweep.yaml"}, 1, "cache sweep.yaml/metasweep"),
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


def test_confirming_sweeps_are_made_and_reported_on(toy: Toy) -> None:
    """The last one here: it leaves more runs in the project."""
    made = toy.analysis("table", toy.sweep, "--top", "1", "--confirm", "--fresh", "6", "--create")
    dense, cnn = made.stdout.split()
    sweeps = [word for name in (dense, cnn) for word in ("--confirmed", name)]
    early = toy.analysis("table", toy.sweep, *sweeps)
    assert early.returncode == 1
    assert "has no runs yet" in early.stderr
    for model, name in (("dense", dense), ("cnn", cnn)):
        rerun = toy.server.python("-c", RERUN, name.rpartition("/")[2], model)
        assert rerun.returncode == 0, rerun.stderr
    found = json.loads(toy.analysis("table", toy.sweep, "--top", "1", *sweeps, "--format", "json").stdout)
    assert [row["n"] for row in found["rows"][:2]] == [5, 5]
    best = next(row for row in found["rows"] if row["best"])
    assert best["val_mean"] == pytest.approx(0.962)  # seeds 1 to 3, by which it was chosen
    assert best["test_mean"] == pytest.approx(0.966)  # seeds 4 to 8
    assert "Reported on fresh seeds, chosen on others." in found["notes"]
    made = toy.analysis("report", toy.sweep, "--top", "1", *sweeps, "--only", "results", "-o", "confirmed")
    assert made.returncode == 0, made.stderr
    reported = json.loads((toy.server.home / "confirmed" / "tables" / "results.json").read_text())
    assert reported == found
    readme = (toy.server.home / "confirmed" / "README.md").read_text()
    assert "Reported on fresh seeds, chosen on others." in readme
    assert all(name in readme for name in (dense, cnn))
