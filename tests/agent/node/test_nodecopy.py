"""`--copy-to`: agents that work from a copy of their environment, made once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.conftest import ROOT, Workshop
from tests.waiting import PATIENCE

PROGRAM = """
    import argparse, sys, wandb
    parser = argparse.ArgumentParser(); parser.add_argument("--x", type=int); options = parser.parse_args()
    with wandb.init(config=vars(options)) as run:
        run.log({"score": options.x, "prefix": sys.prefix})
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment that has the packages of this one, by reference."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    return folder


def start(workshop: Workshop, python: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [python, ROOT / "agent.py", *arguments],
        cwd=workshop.folder,
        env=workshop.environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_agents_that_start_together_share_one_copy(workshop: Workshop, environment: Path) -> None:
    disk = workshop.folder / "local disk"
    first = start(workshop, environment / "bin" / "python", workshop.sweep(PROGRAM), "--copy-to", str(disk))
    named = next(line for line in first.stdout or () if line.count("/") == 2).split()[-1]
    second = start(workshop, environment / "bin" / "python", named, "--copy-to", str(disk))
    outputs = [agent.communicate(timeout=PATIENCE)[0] for agent in (first, second)]
    assert [agent.returncode for agent in (first, second)] == [0, 0], outputs
    (copy,) = disk.glob("environment-*")
    runs = workshop.runs(named)
    assert [run.state for run in runs] == ["finished"] * 3
    assert {run.summary["prefix"] for run in runs} == {str(copy)}


def test_a_disk_that_is_full_or_closed_costs_one_line(workshop: Workshop, environment: Path) -> None:
    closed = workshop.write("file", "")
    agent = start(
        workshop, environment / "bin" / "python", workshop.sweep(PROGRAM), "--copy-to", f"{closed}/x"
    )
    output, _ = agent.communicate(timeout=PATIENCE)
    assert agent.returncode == 1
    assert output.count("\n") == 1
    assert output.startswith(f"Error: --copy-to {closed}/x: the copy cannot be made there: ")
