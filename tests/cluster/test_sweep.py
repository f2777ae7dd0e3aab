"""The whole way: a sweep's file, jobs of the real agent on the fake PBS, the real server and client."""

import re
import sys

import pytest
import yaml

from tests.cluster.conftest import REPOSITORY, Cluster

PROGRAM = """
import pathlib, time
import wandb

with wandb.init() as run:
    pathlib.Path("begun").touch()
    for epoch in range(run.config.epochs):
        run.log({"val/acc": 0.5, "epoch": epoch})
        time.sleep(run.config.pause)
"""
SWEEP = {
    "program": "tiny.py",
    "method": "grid",
    "project": "cluster",
    "metric": {"name": "val/acc", "goal": "maximize"},
    "command": ["${env}", "python", "${program}", "${args}"],
    "parameters": {"epochs": {"value": 4}, "pause": {"value": 0.3}, "seed": {"values": [1, 2, 3, 4]}},
}
PATIENCE = 120


@pytest.fixture
def real_cluster(tmp_path, server):
    """A cluster whose seconds are real, with the real agent, and the server's key in a file."""
    cluster = Cluster(tmp_path)
    (cluster.project / "agent.py").unlink()
    (cluster.project / "agent.py").symlink_to(REPOSITORY / "agent.py")
    cluster.site(second=1.0)
    cluster.env["WANDB_BASE_URL"] = server.url
    key = cluster.home / "key"
    key.write_text(server.key)
    key.chmod(0o600)
    (cluster.project / "tiny.py").write_text(PROGRAM)
    (cluster.project / "sweep.yaml").write_text(yaml.safe_dump(SWEEP))
    cluster.options = ("--cpus", 1, "--key-file", key, "--venv", sys.prefix)
    yield cluster
    cluster.close()


def test_a_sweep_from_its_file_as_jobs_of_which_one_is_cancelled(real_cluster, server):
    hasty = real_cluster.metacentrum("submit", "sweep.yaml", *real_cluster.options)
    assert hasty.returncode == 2
    assert "Created" not in hasty.stderr

    arguments = ("--walltime", "0:10:00", *real_cluster.options)
    process = real_cluster.metacentrum("submit", "sweep.yaml", "--jobs", 1, *arguments)
    assert process.returncode == 0, process.stderr
    (sweep,) = re.findall(r"Created the sweep (\S+)\.$", process.stderr, re.MULTILINE)
    real_cluster.wait_for((real_cluster.project / "begun").exists, patience=PATIENCE)
    assert real_cluster.metacentrum("cancel").returncode == 0
    real_cluster.wait_for_end("1000")
    said = real_cluster.metacentrum("status").stdout
    assert "preempted, its runs go on elsewhere (cancelled)" in said
    assert f"All jobs have ended and 4 points are left: submit {sweep} again" in said

    process = real_cluster.metacentrum("submit", sweep, "--jobs", 2, *arguments)
    assert process.returncode == 0, process.stderr
    members = real_cluster.wait_for_end("1001[]", patience=PATIENCE)
    assert [job["Exit_status"] for job in members] == [0, 0], real_cluster.story()
    said = real_cluster.metacentrum("status").stdout
    assert "points  4 of 4 done, 0 left" in said
    assert "runs    4 finished, 0 running, 0 failed" in said
    assert server.key not in real_cluster.story()

    again = real_cluster.metacentrum("submit", sweep, *real_cluster.options)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"Error: All 4 runs of {sweep} are finished: nothing is left to do\n"
