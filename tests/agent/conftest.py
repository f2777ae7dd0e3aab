"""A folder with a tiny program and a sweep over it, and the agent as its user starts it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import wandb
import yaml

from tests.cloud.proxy import Cloud, serve
from tests.conftest import make_server
from tests.waiting import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
    import argparse
    import wandb

    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=int, required=True)
    x = parser.parse_args().x
    with wandb.init() as run:
        run.log({"score": x})
"""


@dataclass
class Workshop:
    """A folder to run the agent in."""

    folder: Path
    environ: dict[str, str]

    def write(self, name: str, text: str) -> Path:
        """Write a file, with its indentation removed."""
        path = self.folder / name
        path.write_text(textwrap.dedent(text))
        return path

    def sweep(self, program: str = PROGRAM, values: int = 3, **changes: Any) -> str:
        """Write a grid over x = 0, 1, ... for the program; return the name of the YAML file."""
        self.write("program.py", program)
        config: dict[str, Any] = {
            "project": self.folder.name,
            "method": "grid",
            "metric": {"name": "score", "goal": "maximize"},
            "parameters": {"x": {"values": list(range(values))}},
            "command": ["${env}", "python", "program.py", "${args}"],
        }
        (self.folder / "sweep.yaml").write_text(yaml.safe_dump(config | changes))
        return "sweep.yaml"

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start the agent."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / "agent.py"), *arguments],
            cwd=self.folder,
            env=self.environ | options.pop("environ", {}),
            text=True,
            **({"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options),
        )

    def agent(self, *arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
        """Run the agent to its end; return its exit code and what it printed."""
        process = self.start(*arguments, environ=environ or {})
        output, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, output

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            command, cwd=self.folder, env=self.environ, text=True, capture_output=True, check=False
        )

    def runs(self, output: str) -> list[Any]:
        """Return the runs on the server of the sweep that the agent's output names."""
        name = next(word for word in output.split() if word.count("/") == 2)
        api = wandb.Api({"base_url": self.environ["WANDB_BASE_URL"]}, api_key=self.environ["WANDB_API_KEY"])
        return list(api.sweep(name).runs)

    def logs(self) -> dict[str, str]:
        """Return the log of every run, by run id."""
        found = self.folder.glob("wandb/sweep-*/run-*.log")
        return {path.stem.removeprefix("run-"): path.read_text() for path in found}


Play = Callable[..., contextlib.AbstractContextManager[tuple[Workshop, Cloud]]]


def by_state(workshop: Workshop, cloud: Cloud, output: str) -> dict[str, Counter[int]]:
    """State -> how many runs of each point, as the server itself counts."""
    there = Workshop(workshop.folder, workshop.environ | {"WANDB_BASE_URL": cloud.upstream})
    states: dict[str, Counter[int]] = {}
    for run in there.runs(output):
        states.setdefault(run.state, Counter())[run.config.get("x")] += 1
    return states


def each_once(points: int) -> dict[str, dict[int, int]]:
    return {"finished": dict.fromkeys(range(points), 1)}


@pytest.fixture
def workshop(server: Any, client_env: Any, tmp_path: Path) -> Workshop:  # noqa: ARG001
    """A folder whose agent talks to the embedded server."""
    return Workshop(tmp_path, os.environ | server.env | {"WANDB_DIR": str(tmp_path)})


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Workshop]:
    """A folder whose agent talks to a server that offers no failed point again, as W&B's cloud does."""
    for server in make_server("--max-attempts", "1"):
        yield Workshop(tmp_path, os.environ | server.env | {"WANDB_DIR": str(tmp_path)})


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """A folder whose agents reach a server with these `options` through a stand-in for the cloud."""

    @contextmanager
    def playing(*options: str, **nature: Any) -> Iterator[tuple[Workshop, Cloud]]:
        for server in make_server("--max-attempts", "1", *options):
            with serve(Cloud(server.url, **nature)) as cloud:
                address = {"WANDB_BASE_URL": cloud.url, "WANDB_DIR": str(tmp_path)}
                yield Workshop(tmp_path, os.environ | server.env | address), cloud

    return playing
