"""The disk of the agent's folder fills up: one line that says where, and the point goes to another agent."""

import json
from collections import Counter

import pytest

from tests.agent.disk import small_disk
from tests.conftest import ServerProcess
from tests.server.protocol import Client

SWEEP = "{method: grid, program: p.py, command: [python, p.py], parameters: {x: {values: [1, 2]}}}"
PROGRAM = """
import contextlib, os, wandb
with wandb.init() as run:
    run.log({"x": run.config.x})
if os.environ.get("DISK"):
    with contextlib.suppress(OSError), open(os.environ["DISK"] + "/filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(512))
"""


def test_a_disk_that_fills_up_ends_the_agent_and_releases_its_point(own_server: ServerProcess) -> None:
    (own_server.home / "p.py").write_text(PROGRAM)
    client = Client(own_server, "disk")
    sweep = client.sweep(SWEEP)
    agent = ("python", "-m", "metasweep", "agent", f"{client.entity}/disk/{sweep['name']}", "--workers", "1")
    with small_disk(1 << 20) as disk:
        if disk is None:
            pytest.skip("mounting a small disk takes root")
        full = own_server.run(*agent, WANDB_DIR=str(disk), DISK=str(disk))
        again = own_server.run(*agent, WANDB_DIR=str(disk))
    for ended in (full, again):
        assert ended.returncode == 1
        assert f"cannot write {disk}" in ended.stderr or f"cannot write to {disk}" in ended.stderr
        assert "set WANDB_DIR to another folder" in ended.stderr
        assert "Traceback" not in ended.stderr
    done = own_server.run(*agent)
    assert done.returncode == 0, done.stderr
    found = client.read_sweep(sweep)
    nodes = [edge["node"] for edge in found["runs"]["edges"]]
    finished = [json.loads(node["config"])["x"]["value"] for node in nodes if node["state"] == "finished"]
    assert (found["state"], Counter(finished)) == ("FINISHED", {1: 1, 2: 1})
