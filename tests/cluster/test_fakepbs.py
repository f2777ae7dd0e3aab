"""The fake PBS behaves as the real one was seen to, surprises included: the other tests rest on it."""

import json

import pytest

ECHO = "#!/bin/bash\n#PBS -N echo\n#PBS -j oe\n"


@pytest.fixture
def script(cluster):
    """Writes a job script and returns its path."""

    def write(body, name="echo.sh"):
        path = cluster.project / name
        path.write_text(ECHO + body)
        return path

    return write


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("-J", "1-1"), 2),
        (("-J", "3-1"), 2),
        (("-l", "walltime=1d"), 166),
        (("-l", "select=1:ncpu=1"), 187),
        (("-q", "nowhere"), 170),
    ],
)
def test_what_qsub_refuses(cluster, script, options, status):
    assert cluster.run("qsub", *options, script("true\n")).returncode == status


def test_qsub_gives_an_id_for_jobs_that_do_not_exist(cluster, script):
    for options in (("-l", "walltime=1000:00:00"), ("-W", "depend=afterany:4711")):
        job_id = cluster.qsub(*options, script("true\n"))
        asked = cluster.run("qstat", "-xft", "-F", "json", job_id)
        assert asked.returncode == 153
        assert "Jobs" not in json.loads(asked.stdout)


def test_a_script_with_windows_line_ends_is_refused(cluster, script):
    path = script("true\n")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert cluster.run("qsub", path).returncode != 0


def test_output_for_a_folder_that_is_missing_is_lost_and_the_job_still_ends_well(cluster, script):
    cluster.qsub("-k", "oed", "-o", f"{cluster.project}/missing/", script("echo lost\n"))
    (job,) = cluster.wait_for_end("1000")
    assert job["Exit_status"] == 0
    assert not (cluster.project / "missing").exists()
    assert cluster.run("qstat", "1000").returncode == 35


def test_the_environment_of_a_member(cluster, script):
    job_id = cluster.qsub(
        "-v", "ONE=007", "-J", "5-6", "-l", "select=1:ncpus=2:scratch_local=1gb", script("pwd; umask; env\n")
    )
    cluster.wait_for_end(job_id)
    folder, mask, *lines = (cluster.project / "echo.o1000.5").read_text().splitlines()
    environment = dict(line.partition("=")[::2] for line in lines)
    assert (folder, mask) == (str(cluster.home), "0077")
    assert environment["PBS_JOBID"] == "1000[5].pbs-fake.example.org"
    assert environment["PBS_ARRAY_ID"] == "1000[].pbs-fake.example.org"
    assert (environment["PBS_ARRAY_INDEX"], environment["NCPUS"], environment["ONE"]) == ("5", "2", "007")
    assert "[5]" in environment["SCRATCHDIR"]
    assert not {"WANDB_BASE_URL", "COLUMNS", "PBS_WALLTIME"} & set(environment)
    member = cluster.qstat("1000[5]")["1000[5].pbs-fake.example.org"]
    assert member["Variable_List"]["ONE"] == 7


def test_a_process_in_a_session_of_its_own_outlives_the_job(cluster, script):
    body = (
        'setsid sleep 30 & echo $! >"$PBS_O_WORKDIR/own"; sleep 60 & echo $! >"$PBS_O_WORKDIR/child"; wait\n'
    )
    cluster.qsub(script(body))
    cluster.wait_for(lambda: (cluster.project / "child").exists() and (cluster.project / "child").read_text())
    cluster.run("qdel", "1000")
    (job,) = cluster.wait_for_end("1000")
    assert job["Exit_status"] == 271
    assert cluster.run("bash", "-c", "kill $(<own)").returncode == 0
    cluster.wait_for(lambda: not cluster.processes())


def test_who_ignores_sigterm_is_killed_after_the_grace(cluster, script):
    cluster.site(grace=0.5)
    cluster.qsub("-J", "1-2%0", script("true\n", "never.sh"))
    cluster.qsub(script('trap "" TERM; touch "$PBS_O_WORKDIR/begun"; while true; do sleep 0.1; done\n'))
    cluster.wait_for((cluster.project / "begun").exists)
    cluster.run("qdel", "1001")
    (job,) = cluster.wait_for_end("1001")
    assert job["Exit_status"] == 271
    assert {job["job_state"] for job in cluster.qstat("1000[]").values()} == {"Q"}, (
        "%0 is taken and never runs"
    )
