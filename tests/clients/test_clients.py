"""Sweep, agent, runs, Table and API calls of one version of the client, in its own environment.

The installed version and the newest release; with METASWEEP_CLIENTS=all, as `make test-clients` has it, more.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.environments import (
    INSTALLED,
    MATRIX,
    newest,
    python_of,
)
from tests.conftest import ServerProcess, make_server
from tests.server.protocol import Client

HERE = Path(__file__).parent
SWEEP = """
program: {program}
method: grid
metric: {{name: val/acc, goal: maximize}}
parameters:
  lr: {{values: [1, 2, 3]}}
"""
TABLE = [["first", 0.5], ["second", 0.25]]
EVERYTHING = os.environ.get("METASWEEP_CLIENTS") == "all"


def clients() -> list[str]:
    """The versions to test, oldest first; `newest` where it is not known which that is."""
    return [*(MATRIX if EVERYTHING else ()), INSTALLED, *({newest() or "newest"} - {INSTALLED})]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    yield from make_server("--max-attempts", "1")  # the stock agent takes 5 s for each


@pytest.fixture(scope="module", params=clients())
def client(request: pytest.FixtureRequest) -> str:
    if not python_of(request.param).exists():
        pytest.skip(f"there is no environment with wandb {request.param}: make test-clients makes it")
    return request.param


def run(server: ServerProcess, client: str, *command: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the client's Python in a folder of its own."""
    folder = server.home / client
    folder.mkdir(exist_ok=True)
    python = python_of(client)
    path = os.pathsep.join((str(python.parent), os.environ["PATH"]))
    own = {"PATH": path, "WANDB_DIR": str(folder), "PYTHONPATH": "", "WANDB_AGENT_DISABLE_FLAPPING": "true"}
    return server.run(str(python), *command, cwd=folder, **(own | env))


def finished(process: "subprocess.CompletedProcess[str]") -> "subprocess.CompletedProcess[str]":
    assert process.returncode == 0, process.stderr
    return process


@pytest.fixture(scope="module")
def sweep(server: ServerProcess, client: str) -> str:
    """A sweep that the stock agent has gone through."""
    config = server.home / f"{client}.yaml"
    config.write_text(SWEEP.format(program=HERE / "train.py"))
    project = f"clients-{client}"
    made = run(
        server, client, "-m", "wandb", "sweep", "--project", project, str(config), WANDB_SILENT="false"
    )
    path = finished(made).stderr.split("wandb agent ")[1].split()[0]
    finished(run(server, client, "-m", "wandb", "agent", path))
    return path


def test_a_sweep_and_what_the_api_says_of_it(server: ServerProcess, client: str, sweep: str) -> None:
    found = json.loads(finished(run(server, client, str(HERE / "look.py"), sweep)).stdout.splitlines()[-1])
    assert found["version"] == client
    assert (found["state"], found["best"]) == ("FINISHED", 3)
    assert found["expected"] in (3, None), "older clients do not know it"
    assert sorted((one["lr"], one["state"]) for one in found["runs"]) == [
        (1, "finished"),
        (2, "finished"),
        (3, "failed"),
    ]
    for one in found["runs"]:
        rows = [one["lr"] * step for step in range(5)]
        assert one["rows"] == one["sample"] == rows
        assert (one["acc"], one["tags"], one["notes"]) == (rows[-1], ["matrix"], "of the matrix")
        assert {"output.log", "config.yaml", "wandb-summary.json", "wandb-metadata.json"} <= set(one["files"])
        assert (one["artifacts"], one["table"]) == (["run_table"], [TABLE])
    assert found["filtered"] == [2]
    assert found["edited"] == ["renamed", ["edited"], "added"]
    assert found["left"] == 2


def test_a_run_is_resumed(server: ServerProcess, client: str) -> None:
    finished(run(server, client, str(HERE / "resume.py"), WANDB_PROJECT=f"resumed-{client}"))
    found = Client(server, f"resumed-{client}").run("again")
    assert [json.loads(row)["x"] for row in found["history"]] == [0, 0.5, 1, 1.5]
    assert found["state"] == "finished"


def test_an_offline_run_is_synced(server: ServerProcess, client: str) -> None:
    code = "import wandb\nwith wandb.init(project='clients-offline') as run: run.log({'x': 1})"
    finished(run(server, client, "-c", code, WANDB_MODE="offline"))
    (folder,) = (server.home / client / "wandb").glob("offline-run-*")
    finished(run(server, client, "-m", "wandb", "sync", str(folder)))
    found = Client(server, "clients-offline").run(folder.name.rpartition("-")[2])
    assert [json.loads(row)["x"] for row in found["history"]] == [1]
    assert found["state"] == "finished"
