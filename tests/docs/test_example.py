"""The documents' examples, word for word: programs, sweeps, commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.commands import BLOCK, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FILE = re.compile(r"^```(?:python|yaml)\n# (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in FILE.findall(README):
        (tmp_path / name).write_text(text)
    yield tmp_path
    subprocess.run(["metasweep", "server", "stop"], cwd=tmp_path, capture_output=True, timeout=240)


def test_the_example_gives_the_table_that_it_shows(folder: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}

    def run(command: str) -> str:
        done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, env=environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    (block,) = (text for text in BLOCK.findall(README) if text.startswith("metasweep agent sweep.yaml --loc"))
    agent, table, report = (line.partition("#")[0] for line in block.splitlines())
    name = run(agent).strip()
    printed = run(table.replace("ENTITY/PROJECT/ID", name))
    (shown,) = re.findall(r"^```text\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert printed.splitlines()[0].split() == shown.splitlines()[0].split()
    (counts,) = json.loads(run(f"metasweep status {name} --local --format json"))["rows"]
    assert (counts["expected"], counts["finished"]) == (30, 30)
    run(report.replace("ENTITY/PROJECT/ID", name))
    assert (folder / "report" / "index.html").stat().st_size > 10_000


def test_the_example_with_a_checkpoint_goes_on_after_a_stop(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "your-program.md").read_text(encoding="utf-8")
    ((name, text),) = FILE.findall(document)
    (tmp_path / name).write_text(text.replace("time.sleep(1)", "time.sleep(0.3)"))
    sweep = {"program": name, "method": "grid", "metric": {"name": "val/acc", "goal": "maximize"}}
    (tmp_path / "sweep.yaml").write_text(json.dumps(sweep | {"parameters": {"seed": {"values": [1, 2]}}}))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    done = subprocess.run(
        ["metasweep", "check", "sweep.yaml"], cwd=tmp_path, capture_output=True, text=True, env=environ
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "started again: it went on from where it was" in done.stdout
