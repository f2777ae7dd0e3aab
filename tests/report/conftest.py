"""A real sweep on a real server, for the tests that read one back."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

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
        return self.server.python("-m", "analysis", *arguments, **env)


def new_sweep(server: ServerProcess, text: str) -> str:
    """ENTITY/PROJECT/ID of a sweep in the project `toy`."""
    (server.home / "sweep.yaml").write_text(text)
    created = server.run("wandb", "sweep", "--project", "toy", "sweep.yaml", WANDB_SILENT="false")
    assert created.returncode == 0, created.stderr
    return (created.stdout + created.stderr).split("wandb agent ")[-1].split()[0]


@pytest.fixture(scope="module")
def toy(server: ServerProcess) -> Toy:
    sweep = new_sweep(server, SWEEP_YAML)
    made = server.python(str(TOY), sweep.rpartition("/")[2])
    assert made.returncode == 0, made.stderr
    return Toy(server, sweep)
