"""`make test-programs`: programs with heavy libraries, and all programs under the stock agent.

As test_programs.py, which tries the small ones. What is not installed is skipped.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from metasweep.forks import ways
from metasweep.forks.pool import Pool
from metasweep.forks.processes.program import parse
from tests.agent.conftest import ROOT
from tests.forks.test_programs import PROGRAMS, Bench, Observed, bench, compare

__all__ = ["bench"]

HEAVY = sorted(path.stem for path in (PROGRAMS / "heavy").glob("[a-z]*.py"))
WITH_RUNS = ["aggregates", "late_metric", "plain_run", "two_runs", "wrapper", "failing_run"]
PATIENCE = 600  # seconds


def script(name: str) -> list[str]:
    return [sys.executable, f"heavy/{name}.py", "--x=1"]


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_program(bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROGRAMS)
    monkeypatch.setattr(Bench, "command", lambda _self, name, module: script(name))  # noqa: ARG005
    alone = bench.alone(name, "alone", module=False)
    if missing := re.search(r"No module named '(\w+)'", alone.output):
        pytest.skip(f"{missing[1]} is not installed")
    assert "Traceback" not in alone.output
    choice = ways.choose(parse(script(name)))
    pool = Pool(parse(script(name)), choice, bench.environ, bench.folder / f"{name}-pool.log")
    ours = bench.ours(pool, name, choice.way.value, module=False)
    assert pool.leave(60)
    compare(settled(alone), settled(ours))


def settled(seen: Observed) -> Observed:
    """Without what tells the time: seconds, speeds, and addresses of ports."""
    seen.output = re.sub(r"\d+[.:]\d+|\b\d{5}\b|\d{4}-\d\d-\d\d", "…", seen.output)
    timed = re.compile("runtime|second|per_|flos|time")

    def plain(values: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in values.items() if not timed.search(key)}

    if seen.run:
        seen.run["summary"] = plain(seen.run["summary"])
        seen.run["history"] = [plain(row) for row in seen.run["history"]]
        seen.run["config"] = {}  # of frameworks: their folders and times
    return seen


@pytest.mark.parametrize("name", WITH_RUNS)
def test_the_stock_agent_leaves_the_same_run(bench: Bench, name: str, tmp_path: Path) -> None:
    config = {"program": f"light/{name}.py", "method": "grid", "parameters": {"x": {"values": [1]}}}
    (tmp_path / "sweep.yaml").write_text(yaml.safe_dump(config | {"project": "programs"}))
    runs = []
    for agent in (["wandb", "agent"], [sys.executable, str(ROOT / "agent.py")]):
        environ = bench.environ | {"WANDB_SILENT": "false", "OUT": str(tmp_path)}
        made = subprocess.run(
            ["wandb", "sweep", str(tmp_path / "sweep.yaml")],
            cwd=PROGRAMS, env=environ, capture_output=True, text=True, check=True,
        )  # fmt: skip
        sweep = re.findall(r"wandb agent (\S+)", made.stderr + made.stdout)[-1]
        subprocess.run(
            [*agent, "--count", "1", sweep], cwd=PROGRAMS, env=environ, capture_output=True, check=False
        )
        runs.append(results(bench, sweep))
    assert runs[1] == runs[0] != "[]"


def results(bench: Bench, sweep: str) -> str:
    """Return what the server has of the runs of a sweep."""
    import wandb

    found = [bench.run(run.id) for run in wandb.Api().sweep(sweep).runs]
    return json.dumps(found, sort_keys=True)
