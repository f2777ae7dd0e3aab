"""The whole way: a sweep's file, jobs of the real agent on the fake PBS, the real server and client."""

import os
import re
import shutil
import sys

import pytest
import yaml

from tests.cloud.proxy import Cloud, serve
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

READ = """
import os, pathlib, sys
from metasweep.client.account import resolve
from metasweep.cluster.status.points import read_points

points = read_points(sys.argv[1], resolve(os.environ, pathlib.Path.cwd()))
print(points.done, points.measured)
"""


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
    cluster.options = ("--cpus", 1, "--key-file", key, "--venv", sys.prefix, "--interval", 0.2)
    yield cluster
    cluster.close()


def test_a_sweep_from_its_file_as_jobs_of_which_one_is_cancelled(real_cluster, server):
    hasty = real_cluster.metacentrum("submit", "sweep.yaml", "--no-canary", *real_cluster.options)
    assert hasty.returncode == 2
    assert "Created" not in hasty.stderr

    wrong = real_cluster.home / "wrong"
    wrong.write_text("0" * 40)
    wrong.chmod(0o600)
    options = ("--jobs", 1, "--walltime", "0:10:00", *real_cluster.options, "--key-file", wrong)
    refused = real_cluster.metacentrum("submit", "sweep.yaml", *options)
    assert f"refuses the key in {wrong}: correct it" in refused.stderr

    arguments = ("--walltime", "0:10:00", "--no-canary", *real_cluster.options)
    process = real_cluster.metacentrum("submit", "sweep.yaml", "--jobs", 1, *arguments)
    assert process.returncode == 0, process.stderr
    (sweep,) = re.findall(r"Created the sweep (\S+)\.$", process.stderr, re.MULTILINE)
    real_cluster.wait_for((real_cluster.project / "begun").exists)
    assert real_cluster.metacentrum("cancel").returncode == 0
    real_cluster.wait_for_end("1000")

    def status_with_advice():  # on a busy node the server misses the run first, when its lease is over
        said = real_cluster.metacentrum("status").stdout
        assert "preempted, its runs go on elsewhere (cancelled)" in said
        command = f"python3 -m metacentrum submit {sweep}"
        return re.search(rf"All jobs have ended and [34] points are left: {command}$", said, re.MULTILINE)

    real_cluster.wait_for(status_with_advice)

    process = real_cluster.metacentrum("submit", sweep, "--jobs", 2, *arguments)
    assert process.returncode == 0, process.stderr
    members = real_cluster.wait_for_end("1001[]")
    assert [job["Exit_status"] for job in members] == [0, 0], real_cluster.story()
    said = real_cluster.metacentrum("status").stdout
    assert "points  4 of 4 done, 0 left" in said
    assert "runs    4 finished, 0 running, 0 failed" in said
    assert server.key not in real_cluster.story()

    with serve(Cloud(server.url)) as cloud:  # a look must not cost a request for each run
        assert server.python("-c", READ, sweep, WANDB_BASE_URL=cloud.url).stdout == "4 4\n"
        assert cloud.total <= 6, cloud.seen

    again = real_cluster.metacentrum("submit", sweep, *real_cluster.options)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"Error: All 4 runs of {sweep} are finished: nothing is left to do\n"


@pytest.fixture
def plain_folder(real_cluster):
    """A folder with a program and its sweep, and nothing of this repository."""
    for name in ("metasweep", "metacentrum", "agent.py"):
        path = real_cluster.project / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    pause = {"epochs": {"value": 1}, "pause": {"value": 0}, "seed": {"values": [1, 2, 3]}}
    (real_cluster.project / "sweep.yaml").write_text(yaml.safe_dump(SWEEP | {"parameters": pause}))
    return real_cluster


def test_from_any_folder_the_canary_says_how_many_jobs_and_how_much(plain_folder):
    options = ("--scratch-kind", "local", "--scratch", "1gb", *plain_folder.options)
    process = plain_folder.metasweep("submit", "sweep.yaml", *options)
    assert process.returncode == 0, process.stderr
    assert "Submitted the canary as 1000." in process.stderr
    assert re.search(
        r"^2 runs of about \d+ s are left; --jobs 1 --walltime 0:\d\d:00 has room", process.stderr, re.M
    )
    (job,) = plain_folder.wait_for_end("1001")
    assert job["Exit_status"] == 0, plain_folder.story()
    assert re.fullmatch(r"[12]gb", job["Resource_List"]["mem"]), "by what the run of the canary took"
    said = plain_folder.metasweep("jobs").stdout
    assert "points  3 of 3 done, 0 left" in said


PAIR = """
import os, pathlib, time
import wandb

with wandb.init() as run:
    pathlib.Path(f"begun-{run.config.seed}").write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
    deadline = time.monotonic() + 240
    while len(list(pathlib.Path().glob("begun-*"))) < 2:
        assert time.monotonic() < deadline, "no other run beside this one"
        time.sleep(0.05)
    run.log({"val/acc": 0.5})
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="for two runs at a time a second core is needed")
@pytest.mark.parametrize(
    ("options", "card"),
    [((), "none"), (("--gpus", 1, "--agent", "--workers 2"), "GPU-0")],
    ids=["on cores", "on one GPU"],
)
def test_a_job_of_two_cores_does_two_runs_at_a_time(plain_folder, options, card):
    (plain_folder.project / "tiny.py").write_text(PAIR)
    sweep = SWEEP | {"parameters": {"seed": {"values": [1, 2]}}}
    (plain_folder.project / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    process = plain_folder.metasweep(
        *("submit", "sweep.yaml", "--no-canary", "--jobs", 1, "--walltime", "1:00:00"),
        *(*plain_folder.options, "--cpus", 2, *options),
    )
    assert process.returncode == 0, process.stderr
    (job,) = plain_folder.wait_for_end("1000")
    assert job["Exit_status"] == 0, plain_folder.story()
    assert {path.read_text() for path in plain_folder.project.glob("begun-*")} == {card}


RANKS = """
import argparse, os, pathlib
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--seed")
seed, rank = parser.parse_args().seed, os.environ["LOCAL_RANK"]
pathlib.Path(f"rank-{seed}-{rank}").write_text(os.environ["CUDA_VISIBLE_DEVICES"])
if rank == "0":
    with wandb.init() as run:
        run.log({"val/acc": 0.5})
"""


def test_runs_of_two_processes_have_two_gpus_each(plain_folder):
    """torchrun starts a process for each card; a job of four trains two such runs at a time."""
    (plain_folder.project / "ranks.py").write_text(RANKS)
    torchrun = ["${env}", "torchrun", "--standalone", "--nproc_per_node=2", "ranks.py", "${args}"]
    sweep = SWEEP | {"command": torchrun, "parameters": {"seed": {"values": [1, 2]}}}
    (plain_folder.project / "sweep.yaml").write_text(yaml.safe_dump(sweep))
    process = plain_folder.metasweep(
        *("submit", "sweep.yaml", "--no-canary", "--jobs", 1, "--walltime", "1:00:00", "--gpus", 4),
        *("--agent", "--gpus-per-run 2", *plain_folder.options),
    )
    assert process.returncode == 0, process.stderr
    (job,) = plain_folder.wait_for_end("1000")
    assert job["Exit_status"] == 0, plain_folder.story()
    given = {path.name: path.read_text() for path in plain_folder.project.glob("rank-*")}
    assert sorted(given) == ["rank-1-0", "rank-1-1", "rank-2-0", "rank-2-1"]
    assert {given["rank-1-0"], given["rank-2-0"]} == {"GPU-0,GPU-1", "GPU-2,GPU-3"}
    assert all(given[f"rank-{seed}-0"] == given[f"rank-{seed}-1"] for seed in (1, 2))


def test_jobs_do_not_start_when_the_canary_has_not_logged_the_metric(plain_folder):
    path = plain_folder.project / "sweep.yaml"
    path.write_text(path.read_text().replace("name: val/acc", "name: accuracy"))
    arguments = ("--jobs", 2, "--walltime", "0:10:00", *plain_folder.options)
    process = plain_folder.metasweep("submit", "sweep.yaml", *arguments)
    assert process.returncode == 0, process.stderr
    assert "They start when one run alone has logged the metric: 1000." in process.stdout
    members = plain_folder.wait_for_end("1001[]")
    assert [job.get("Exit_status") for job in members] == [None, None], plain_folder.story()
    said = plain_folder.metasweep("jobs").stdout
    assert "canary  failed, so the jobs were not started" in said
    assert said.count("cancelled before it started") == 2
    (log,) = plain_folder.project.glob("logs/metasweep-canary-*/*.log")
    assert "the sweep's metric accuracy was not logged; there are epoch, val/acc" in log.read_text()
    assert "To read why: metasweep logs" in " ".join(said.split())
    assert "are left" not in said
    assert "the sweep's metric accuracy was not logged" in plain_folder.metasweep("logs").stdout

    (sweep,) = re.findall(r"Created the sweep (\S+)\.$", process.stderr, re.MULTILINE)
    again = plain_folder.metasweep("submit", sweep, *arguments)  # its finished run proves nothing
    assert "They start when one run alone has logged the metric: 1002." in again.stdout, again.stderr
    plain_folder.metasweep("cancel")


def test_a_server_as_a_job_moves_on_and_the_agents_wait(plain_folder):
    """No server and no account: the first serving job is killed in mid-sweep, the second one takes up."""
    slow = {"epochs": {"value": 3}, "pause": {"value": 1.0}, "seed": {"values": [1, 2, 3]}}
    (plain_folder.project / "sweep.yaml").write_text(yaml.safe_dump(SWEEP | {"parameters": slow}))
    options = ("--cpus", 1, "--mem", "1gb", "--venv", sys.prefix, "--interval", 0.2)
    del plain_folder.env["WANDB_BASE_URL"]
    process = plain_folder.metasweep(
        *("submit", "sweep.yaml", "--serve", "--serve-host", "127.0.0.1", "--no-canary"),
        *("--jobs", 1, "--walltime", "1:00:00", "--scratch-kind", "local", "--scratch", "1gb", *options),
    )
    assert process.returncode == 0, process.stderr
    assert "ssh -L 8080:" in process.stderr
    served = plain_folder.project / "served"
    assert (served / "key").stat().st_mode & 0o777 == 0o600
    plain_folder.wait_for((plain_folder.project / "begun").exists)
    first = (served / "address.json").read_text()
    plain_folder.run("qdel", "1000")
    plain_folder.wait_for_end("1000")
    plain_folder.wait_for(
        lambda: (served / "address.json").exists() and (served / "address.json").read_text() != first,
    )
    (agent,) = plain_folder.wait_for_end("1002")
    assert agent["Exit_status"] == 0, plain_folder.story()
    (last,) = plain_folder.wait_for_end("1003")
    assert last["Exit_status"] == 0, plain_folder.story()
    (second,) = plain_folder.wait_for_end("1001")
    assert second["Exit_status"] == 0
    assert (served / "state" / "metasweep.db").exists()
    said = plain_folder.metasweep("jobs").stdout
    assert "no server runs for" in said
    assert "the grid is complete: " in said
