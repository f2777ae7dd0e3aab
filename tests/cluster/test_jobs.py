"""The job scripts, run as jobs of the fake PBS, with an agent that notes what reaches it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.agent.processes import ending, session
from tests.cluster.conftest import KEY, REPOSITORY


def test_an_array_submitted_by_hand_runs_an_agent_in_each_job(cluster):
    job_id = cluster.qsub(
        "-v", "SWEEP=me/mnist/abc123,AGENT_OPTIONS=--exit 0", "-J", "1-3", "metacentrum/agent.sh"
    )
    members = cluster.wait_for_end(job_id)
    assert [job["Exit_status"] for job in members] == [0, 0, 0]
    witnesses = cluster.witnesses()
    assert [one["arguments"] for one in witnesses] == [["me/mnist/abc123", "--exit", "0"]] * 3
    assert {one["folder"] for one in witnesses} == {str(cluster.project)}
    shown = cluster.metacentrum("status", "1000")
    assert shown.stdout.count("exit status 0; agent says hello") == 3, shown.stderr
    said = cluster.metacentrum("logs", job_id, "--job", 2).stdout
    assert said == "agent says hello\n"
    outputs = sorted(path.name for path in cluster.project.glob("metasweep.o*"))
    assert outputs == ["metasweep.o1000.1", "metasweep.o1000.2", "metasweep.o1000.3"]


def test_scratch_holds_everything_temporary_and_is_left_clean(cluster):
    cluster.submit("--jobs", 2, "--walltime", "1:00:00")
    cluster.wait_for_end("1000[]")
    for witness in cluster.witnesses():
        environment = witness["environment"]
        scratch = environment["SCRATCHDIR"]
        assert "[" in scratch
        for name in ("TMPDIR", "WANDB_DIR", "WANDB_CACHE_DIR", "XDG_CACHE_HOME"):
            assert environment[name].startswith(f"{scratch}/")
        assert not list(Path(scratch).iterdir())
    assert len((cluster.root / "cleaned").read_text().splitlines()) == 2


def test_records_that_were_not_sent_are_saved_when_an_agent_fails(cluster):
    folder = cluster.submit("--jobs", 1, "--walltime", "1:00:00", "--agent", "--leave --exit 1")
    (job,) = cluster.wait_for_end("1000")
    assert job["Exit_status"] == 1
    (saved,) = folder.glob("unsent.1.*/run-1/run-1.wandb")
    assert saved.read_text() == "records"
    said = (folder / "metasweep.1.log").read_text()
    assert f"The server may lack records of 1 run(s), kept in {saved.parents[1]}. Send them:  " in said
    assert f"wandb sync --include-online '{saved.parent}'" in said
    assert not list((cluster.root / "scratch" / "job_1000.pbs-fake.example.org").iterdir())


def test_scratch_is_kept_when_records_cannot_be_saved(cluster):
    agent = "--leave --exit 1 --until enough"
    folder = cluster.submit("--jobs", 2, "--walltime", "1:00:00", "--agent", agent)
    cluster.wait_for(lambda: len(cluster.witnesses()) == 2)
    (cluster.home / "moved").mkdir()
    folder.rename(cluster.home / "moved" / "logs")
    folder.write_text("in the way, as a full disk would be")
    (cluster.project / "enough").touch()
    cluster.wait_for_end("1000[]")
    assert not (cluster.root / "cleaned").exists()
    for index in (1, 2):
        scratch = cluster.root / "scratch" / f"job_1000[{index}].pbs-fake.example.org"
        (kept,) = scratch.rglob("run-1.wandb")
        log = (cluster.home / "moved" / "logs" / f"metasweep.{index}.log").read_text()
        assert f"they are kept in {kept.parents[2]}" in log


def test_signals_reach_the_agent_at_once_and_nothing_outlives_the_job(cluster):
    folder = cluster.submit("--jobs", 2, "--walltime", "1:00:00", "--agent", "--sleep 60 --child")
    cluster.wait_for(lambda: len(cluster.witnesses()) == 2)
    assert cluster.run("qdel", "1000[1].pbs-fake.example.org").returncode == 0
    (told,) = cluster.wait_for(lambda: cluster.witnesses("signal"))
    assert told["signal"] == signal.SIGTERM
    cluster.wait_for(lambda: list(folder.glob("ended.1.*")))
    assert next(folder.glob("ended.1.*")).read_text().split()[0] == "3"
    cluster.run("qdel", "1000[]")
    assert [job["Exit_status"] for job in cluster.wait_for_end("1000[]")] == [271, 271]
    cluster.wait_for(lambda: not cluster.processes())


def test_a_kill_of_the_job_s_shell_alone_reaches_the_agent(cluster):
    folder = cluster.submit("--jobs", 1, "--walltime", "1:00:00", "--agent", "--sleep 60")
    (witness,) = cluster.wait_for(cluster.witnesses)
    os.kill(witness["session"], signal.SIGTERM)
    (job,) = cluster.wait_for_end("1000")
    assert job["Exit_status"] == 3
    assert next(folder.glob("ended.1.*")).read_text().split()[0] == "3"


LEAVES_AT_ONCE = """
REPOSITORY=$1
source "$1/metasweep/cluster/scripts/job.sh"
work=$2
trap 'forward TERM' TERM
run bash -c 'trap "exit 3" TERM; touch "$0/begun"; while :; do read -rt 0.01 <> <(:) || :; done' "$2" || exit
"""


def test_the_status_of_an_agent_that_leaves_at_once_is_not_lost(tmp_path):
    """A shell can lose the exit status of a child that ends in the moment of the signal."""
    for attempt in range(20):
        work = tmp_path / str(attempt)
        work.mkdir()
        command = ["bash", "-c", LEAVES_AT_ONCE, "job", str(REPOSITORY), str(work)]
        with ending(subprocess.Popen(command, start_new_session=True)) as job:
            while not (work / "begun").exists() and job.poll() is None:
                time.sleep(0.005)
            for pid in sorted(session(job.pid), reverse=bool(attempt % 2)):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGTERM)
            assert job.wait(timeout=240) == 3


def test_the_agent_is_told_when_the_walltime_is_over(cluster):
    cluster.site(second=0.02)
    cluster.submit("--jobs", 1, "--walltime", "0:00:20", "--agent", "--sleep 60")
    (job,) = cluster.wait_for_end("1000")
    assert job["Exit_status"] == -29
    assert [one["signal"] for one in cluster.witnesses("signal")] == [signal.SIGTERM]


def test_two_copies_of_one_job_do_not_disturb_each_other(cluster):
    cluster.submit("--jobs", 2, "--walltime", "1:00:00", "--agent", "--until enough")
    cluster.wait_for(lambda: len(cluster.witnesses()) == 2)
    cluster.accident("1000", "network_dies", 1)
    first, second = cluster.wait_for(
        lambda: (
            len(found := [one for one in cluster.witnesses() if one["environment"]["PBS_ARRAY_INDEX"] == "1"])
            == 2
            and found
        )
    )
    assert first["environment"]["SCRATCHDIR"] == second["environment"]["SCRATCHDIR"]
    assert first["environment"]["TMPDIR"] != second["environment"]["TMPDIR"]
    (cluster.project / "enough").touch()
    cluster.wait_for_end("1000[]")
    cluster.wait_for(lambda: not cluster.processes())
    assert not list(Path(first["environment"]["SCRATCHDIR"]).iterdir())


def test_a_job_starts_again_after_its_node_has_died(cluster):
    folder = cluster.submit("--jobs", 2, "--walltime", "1:00:00", "--agent", "--until enough")
    cluster.wait_for(lambda: len(cluster.witnesses()) == 2)
    cluster.accident("1000", "node_dies", 2)
    cluster.wait_for(lambda: len(cluster.witnesses()) == 3)
    (cluster.project / "enough").touch()
    members = cluster.wait_for_end("1000[]")
    assert [(job["run_count"], job["Exit_status"]) for job in members] == [(1, 0), (2, 0)]
    assert (folder / "metasweep.2.log").read_text().count("agent says hello") == 2
    assert not [path for path in (cluster.root / "scratch").rglob("*") if path.is_file()]


def test_the_image_and_the_modules_are_used(cluster):
    image = cluster.home / "image.sif"
    image.touch()
    singularity = cluster.project / ".venv" / "bin" / "singularity"
    singularity.parent.mkdir(parents=True)
    singularity.write_text(
        '#!/bin/bash\necho "$@"\nwhile [[ $1 != *.sif ]]; do shift; done\nshift\nexec "$@"\n'
    )
    singularity.chmod(0o755)
    (cluster.project / ".venv" / "pyvenv.cfg").touch()
    (cluster.project / ".venv" / "bin" / "python").symlink_to(sys.executable)
    folder = cluster.submit("--jobs", 1, "--walltime", "1:00:00", "--image", image, "--gpus", 1)
    cluster.wait_for_end("1000")
    log = (folder / "metasweep.1.log").read_text()
    assert "exec --bind" in log
    assert f"--nv {image} {cluster.project}/.venv/bin/python agent.py me/mnist/abc123\n" in log
    (told,) = cluster.witnesses()
    assert told["environment"]["METASWEEP_JOB_RECORD"].startswith(told["environment"]["TMPDIR"])
    cluster.submit("--jobs", 1, "--walltime", "1:00:00", "--modules", "python/3.11")
    (job,) = cluster.wait_for_end("1001")
    assert job["Exit_status"] == 2  # this node has no modules


def test_hello_by_hand_tells_what_it_found(cluster):
    cluster.site(second=1.0)  # it imports torch, which takes its time on a busy machine
    job_id = cluster.qsub("-v", f"VENV={sys.prefix},BASE_URL=http://127.0.0.1:9", "metacentrum/hello.sh")
    (job,) = cluster.wait_for_end(job_id)
    assert job["Exit_status"] == 1
    lines = dict(
        line.split(maxsplit=1) for line in (cluster.project / "hello.o1000").read_text().splitlines()
    )
    assert list(lines) == ["node", "python", "scratch", "data", "torch", "gpu", "server"]
    assert "1000.pbs-fake.example.org" in lines["node"]
    assert lines["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert "/scratch/job_1000." in lines["scratch"]
    assert lines["gpu"] == "none asked for"
    assert lines["server"].startswith("NO: http://127.0.0.1:9 does not answer")


def test_a_script_submitted_from_elsewhere_says_so(cluster):
    script = cluster.home / "agent.sh"
    shutil.copy(cluster.project / "metacentrum" / "agent.sh", script)
    process = cluster.run("bash", "-c", f"cd {cluster.home} && qsub -J 1-2 {script}")
    members = cluster.wait_for_end(process.stdout.strip())
    assert [job["Exit_status"] for job in members] == [2, 2]
    assert f"{cluster.home} is not the project" in (cluster.home / "metasweep.o1000.1").read_text()


def test_no_key_is_ever_where_others_can_read_it(cluster):
    key_file = cluster.home / "key"
    key_file.write_text(KEY)
    key_file.chmod(0o600)
    looked = cluster.home / "looked"
    folder = cluster.submit(
        "--jobs", 2, "--walltime", "1:00:00", "--agent", f"--until {looked}", "--key-file", key_file
    )
    cluster.wait_for(lambda: len(cluster.witnesses()) == 2)
    assert {one["environment"]["WANDB_API_KEY"] for one in cluster.witnesses()} == {KEY}
    assert KEY not in str(cluster.qstat("1000[]"))
    lines = [
        path.read_bytes() for pid in cluster.processes() if (path := Path(f"/proc/{pid}/cmdline")).exists()
    ]
    assert lines
    assert not any(KEY.encode() in line for line in lines)
    looked.touch()
    cluster.wait_for_end("1000[]")
    written = [path for path in [*folder.rglob("*"), *cluster.root.rglob("*")] if path.is_file()]
    assert not [path for path in written if KEY in path.read_text(errors="replace")]
