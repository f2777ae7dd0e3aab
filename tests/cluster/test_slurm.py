"""The Slurm side against a real Slurm: `make test-slurm`, as root, with Debian's slurmctld and slurmd."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.cluster.conftest import KEY, Cluster

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
AuthType=auth/none
CredType=cred/none
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdLogFile={folder}/slurmd.log
SlurmctldLogFile={folder}/slurmctld.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
SwitchType=switch/none
MpiDefault=none
GresTypes=gpu
SchedulerParameters=sched_interval=1,batch_sched_delay=0
KillWait=10
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=8000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=24:00:00 State=UP
"""

pytestmark = [
    pytest.mark.skipif("METASWEEP_SLURM" not in os.environ, reason="make test-slurm runs these"),
    pytest.mark.skipif(
        not shutil.which("slurmctld", path="/usr/sbin"), reason="no slurmctld on this machine"
    ),
    pytest.mark.skipif(os.geteuid() != 0, reason="Slurm's daemons want root"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def slurm_conf(tmp_path_factory):
    """A running Slurm of one node."""
    folder = tmp_path_factory.mktemp("slurm")
    (folder / "state").mkdir()
    (folder / "spool").mkdir()
    path = folder / "slurm.conf"
    (folder / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")
    ports = {"controller": free_port(), "daemon": free_port()}
    path.write_text(CONFIGURATION.format(folder=folder, host=socket.gethostname().split(".")[0], **ports))
    daemons = [
        subprocess.Popen(
            [program, "-D", "-f", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for program in ("/usr/sbin/slurmctld", "/usr/sbin/slurmd")
    ]
    try:
        wait_until_idle(path)
        yield path
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(timeout=30)


def wait_until_idle(conf):
    deadline = time.monotonic() + 240
    said = ""
    while "idle" not in said:
        assert time.monotonic() < deadline, f"Slurm did not start: {said}"
        time.sleep(0.2)
        command = ["sinfo", "-h", "-o", "%T"]
        environment = {**os.environ, "SLURM_CONF": str(conf)}
        said = subprocess.run(command, env=environment, capture_output=True, text=True).stdout


@pytest.fixture
def slurm(tmp_path, slurm_conf):
    cluster = Cluster(tmp_path)
    for name in ("sbatch", "squeue", "scancel", "scontrol", "sinfo"):
        (cluster.tools / name).symlink_to(shutil.which(name))
    cluster.env |= {"PATH": str(cluster.tools), "SLURM_CONF": str(slurm_conf)}
    yield cluster
    cluster.run("scancel", "--user=root")
    cluster.wait_for(lambda: not cluster.run("squeue", "-h").stdout)


def wait_for_table(cluster, *said):
    """Wait until `status` says all that; what it says then."""

    def look():
        table = cluster.metacentrum("status").stdout
        return table if all(part in table for part in said) else None

    return cluster.wait_for(look)


def test_an_array_runs_an_agent_in_each_job(slurm):
    folder = slurm.submit(
        "--jobs", 3, "--walltime", "1:00:00", "--cpus", 2, "--mem", "1gb", "--max-running", 2
    )
    table = wait_for_table(slurm, "0 queued, 0 running, 3 ended")
    assert table.count("done") == 3
    witnesses = slurm.witnesses()
    assert sorted(one["environment"]["SLURM_ARRAY_TASK_ID"] for one in witnesses) == ["1", "2", "3"]
    assert {one["folder"] for one in witnesses} == {str(slurm.project)}
    assert slurm.metacentrum("logs").stdout.count("agent says hello") == 3
    assert len(list(folder.glob("metasweep.[123].log"))) == 3


def test_cancelled_agents_are_told_and_a_single_job_is_plain(slurm):
    slurm.submit("--jobs", 1, "--walltime", "1:00:00", "--cpus", 1, "--mem", "1gb", "--agent", "--sleep 60")
    slurm.wait_for(slurm.witnesses)
    assert "SLURM_ARRAY_TASK_ID" not in slurm.witnesses()[0]["environment"]
    wait_for_table(slurm, "agent says hello", "1 running")
    assert slurm.metacentrum("cancel").returncode == 0
    (told,) = slurm.wait_for(lambda: slurm.witnesses("signal"))
    assert told["signal"] == signal.SIGTERM
    assert "preempted, its runs go on elsewhere (cancelled)" in wait_for_table(slurm, "1 ended")
    assert "has ended already" in slurm.metacentrum("cancel").stdout


def test_the_report_waits_for_the_jobs(slurm):
    package = slurm.project / "analysis"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text("import sys\nprint('analysis', *sys.argv[1:])\n")
    slurm.submit(
        *("--jobs", 2, "--walltime", "1:00:00", "--cpus", 1, "--mem", "1gb", "--report"),
        *("--agent", "--sleep 1 --exit 1"),
    )
    (log,) = slurm.wait_for(lambda: list(slurm.project.glob("logs/metasweep-report-*/*.log")))
    slurm.wait_for(lambda: log.read_text().count("analysis") == 2)
    assert len(slurm.witnesses()) == 2


def test_what_slurm_refuses_and_what_can_never_run(slurm):
    arguments = ("submit", "me/mnist/abc123", "--no-check", "--jobs", "2", "--walltime", "1:00:00")
    refused = slurm.metacentrum(*arguments, "--queue", "nowhere")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert len(refused.stderr.splitlines()) == 1
    assert "invalid partition" in refused.stderr
    refused = slurm.metacentrum(*arguments[:-1], "100:00:00")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "24:00:00 is the longest" in refused.stderr
    by_hand = slurm.run("sbatch", "--parsable", "--time=100:00:00", "--wrap=true").stdout.strip()
    reason = "can never run: the walltime is longer than the partition allows"  # PartitionConfig comes first
    slurm.wait_for(lambda: reason in slurm.metacentrum("status", by_hand).stdout)


def test_no_key_is_ever_where_others_can_read_it(slurm):
    slurm.submit(
        "--jobs",
        1,
        "--walltime",
        "1:00:00",
        "--cpus",
        1,
        "--mem",
        "1gb",
        "--agent",
        "--sleep 2",
        WANDB_API_KEY=KEY,
    )
    slurm.wait_for(slurm.witnesses)
    assert KEY not in slurm.run("scontrol", "show", "job").stdout
    assert "WANDB_API_KEY" not in slurm.witnesses()[0]["environment"], (
        "nothing of the submitter's comes along"
    )
    assert not [
        path for path in Path(slurm.project).rglob("logs/**/*") if path.is_file() and KEY in path.read_text()
    ]


def test_what_ran_out_of_time_is_asked_for_again_with_more(slurm):
    size = ("--jobs", 1, "--walltime", "0:01:00", "--cpus", 1, "--mem", "1gb")  # Slurm counts in minutes
    slurm.submit(*size, "--agent", "--sleep 600")
    wait_for_table(slurm, "too little time: 0:01:00 had passed", "killed at its walltime")
    (told,) = slurm.witnesses("signal")
    assert told["signal"] == signal.SIGTERM
    again = slurm.metacentrum("submit", "me/mnist/abc123", "--no-check", *size, "--retry")
    assert "Too little time: now --jobs 1 --walltime 0:01:30 --mem 1gb." in again.stderr
    slurm.wait_for(lambda: len(slurm.witnesses()) == 2)


def test_gpus_of_a_job(slurm):
    size = ("--jobs", 1, "--walltime", "1:00:00", "--cpus", 1, "--mem", "1gb")
    slurm.submit(*size, "--gpus", 2, "--agent", "--gpus-per-run 2")
    (witness,) = slurm.wait_for(slurm.witnesses)
    assert len(witness["environment"]["CUDA_VISIBLE_DEVICES"].split(",")) == 2
    assert witness["arguments"][-2:] == ["--gpus-per-run", "2"]
