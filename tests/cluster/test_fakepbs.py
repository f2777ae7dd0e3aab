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
        (("-l", "walltime=30:00:00", "-q", "q_1d"), 188),
        (("-q", "nowhere"), 170),
        (("-q", "q_friends"), 174),
        (("-N", "two words"), 2),
        (("-N", "a/b"), 2),
        (("-N", "n" * 231), 2),
        (("-r", "n", "-J", "1-2"), 2),
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


def test_a_site_may_refuse_at_once_what_no_queue_takes(cluster, script):
    cluster.site(refuses=True)
    process = cluster.run("qsub", "-l", "walltime=1000:00:00", script("true\n"))
    assert (process.returncode, process.stdout) == (1, "")


def test_the_routing_queue_sorts_by_walltime_and_gpus(cluster, script):
    gpu = "select=1:ncpus=1:ngpus=1,walltime=90"
    for resources in ("walltime=1:00:00", "walltime=20:00:00", gpu):
        cluster.qsub("-l", resources, script('echo "$PBS_QUEUE"\n'))
    for number, queue in ((1000, "q_2h"), (1001, "q_1d"), (1002, "gpu_q_2h")):
        (job,) = cluster.wait_for_end(str(number))
        assert job["queue"] == queue
        assert (cluster.project / f"echo.o{number}").read_text() == f"{queue}\n"


def test_where_the_output_goes(cluster, script):
    """-o FOLDER/ names the file after the job's id, and ^array_index^ one for each member."""
    logs = cluster.home / "logs"
    logs.mkdir()
    body = 'echo out; echo err >&2; until [[ -e "$PBS_O_WORKDIR/enough" ]]; do sleep 0.02; done\n'
    for options in (
        ("-k", "oed", "-o", f"{logs}/"),
        ("-k", "oed", "-o", f"{logs}/", "-J", "1-2"),
        ("-k", "oed", "-o", f"{logs}/x.^array_index^.log", "-J", "3-4"),
        ("-o", f"{logs}/late"),
    ):
        cluster.qsub(*options, script(body))
    live = {"1000.pbs-fake.example.org.OU", "x.3.log", "x.4.log"}
    live |= {f"1001[{index}].pbs-fake.example.org.OU" for index in (1, 2)}
    cluster.wait_for(lambda: {path.name for path in logs.iterdir() if path.stat().st_size} == live)
    (cluster.project / "enough").touch()
    cluster.wait_for_end("1003")
    assert (logs / "late").read_text() == "out\nerr\n"
    separate = cluster.project / "separate.sh"
    separate.write_text("#!/bin/bash\necho out; echo err >&2\n")
    cluster.qsub(separate)
    cluster.wait_for_end("1004")
    assert [(cluster.project / f"separate.sh.{x}1004").read_text() for x in "oe"] == ["out\n", "err\n"]


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


def test_the_exit_status_of_what_was_deleted_before_it_ran(cluster, script):
    cluster.qsub("-J", "1-2%0", script("true\n"))
    cluster.wait_for(lambda: cluster.qstat("1000[]"))
    cluster.run("qdel", "1000[1].pbs-fake.example.org")
    (job,) = cluster.wait_for(
        lambda: [
            one for name, one in cluster.qstat("1000[]").items() if "[1]" in name and "Exit_status" in one
        ]
    )
    assert (job["job_state"], job["Exit_status"], job["run_count"]) == ("X", 1, 0)


def test_a_walltime_is_noticed_late_and_the_own_status_is_lost(cluster, script):
    cluster.site(second=0.02)
    cluster.qsub("-l", "walltime=10", script('trap "exit 0" TERM; while true; do sleep 0.02; done\n'))
    (job,) = cluster.wait_for_end("1000")
    assert job["Exit_status"] == -29


def test_a_job_that_starts_again_finds_the_files_of_its_first_copy(cluster, script):
    body = (
        'ls "$SCRATCHDIR" >"$PBS_O_WORKDIR/found"; touch "$SCRATCHDIR/mine"; '
        'until [[ -e "$PBS_O_WORKDIR/enough" ]]; do sleep 0.02; done\n'
    )
    cluster.qsub("-l", "select=1:ncpus=1:scratch_local=1gb", script(body))
    scratch = cluster.root / "scratch" / "job_1000.pbs-fake.example.org"
    cluster.wait_for((scratch / "mine").exists)
    cluster.accident("1000", "node_dies")
    cluster.wait_for(lambda: (cluster.project / "found").read_text() == "mine\n")
    (cluster.project / "enough").touch()
    (job,) = cluster.wait_for_end("1000")
    assert (job["run_count"], job["Exit_status"]) == (2, 0)


def test_what_waits_for_other_jobs(cluster, script):
    """afterany waits for all members of an array, also when some fail; afterok believes the last alone."""
    body = 'while ((PBS_ARRAY_INDEX == 2)) && [[ ! -e "$PBS_O_WORKDIR/enough" ]]; do sleep 0.02; done\n'
    cluster.qsub("-J", "1-2", script(f"{body}exit $((PBS_ARRAY_INDEX == 1))\n"))
    for kind in ("afterany", "afterok"):
        cluster.qsub("-W", f"depend={kind}:1000[]", script("true\n", f"{kind}.sh"))
    cluster.wait_for(lambda: cluster.qstat("1000[1]")["1000[1].pbs-fake.example.org"].get("Exit_status") == 1)
    assert [next(iter(cluster.qstat(one).values()))["job_state"] for one in ("1001", "1002")] == ["Q", "Q"]
    (cluster.project / "enough").touch()
    assert [job["Exit_status"] for one in ("1001", "1002") for job in cluster.wait_for_end(one)] == [0, 0]


@pytest.mark.parametrize(("whose", "status"), [("cgroup", 137), ("mom", -27)])
def test_who_takes_more_memory_than_asked_for(cluster, script, whose, status):
    cluster.site(memory=whose)
    take = "import time; x = bytearray(b'x' * (99 << 20)); time.sleep(60)"
    body = f'/usr/bin/python3 -c "{take}"\n'
    cluster.qsub("-l", "select=1:ncpus=1:mem=50mb", script(f"{body}exit $?\n"))
    (job,) = cluster.wait_for_end("1000")
    assert (job["Exit_status"], job["resources_used"]["mem"]) == (status, f"{50 * 1024}kb")


def test_a_forced_deletion_kills_at_once(cluster, script):
    cluster.site(grace=0.2)
    cluster.qsub(script('trap "" TERM; touch "$PBS_O_WORKDIR/begun"; while true; do sleep 0.01; done\n'))
    cluster.wait_for((cluster.project / "begun").exists)
    cluster.run("qdel", "-W", "force", "1000")
    (job,) = cluster.wait_for_end("1000")
    assert job["Exit_status"] == 271
