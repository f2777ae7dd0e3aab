"""What a tired person does wrong: one line that says what to do, the right exit status, nothing submitted."""

import json
import shutil

import pytest

from metacentrum.__main__ import main

SUBMIT = ("submit", "me/mnist/abc123", "--no-check", "--jobs", "2", "--walltime", "1:00:00")

USAGE = {
    "walltime in other words": (("--walltime", "4h"), "hours:minutes:seconds"),
    "walltime of minutes": (("--walltime", "4:00"), "hours:minutes:seconds"),
    "no walltime at all": (("--walltime", "0:00:00"), "hours:minutes:seconds"),
    "no jobs": (("--jobs", "0"), "0 is not in the range"),
    "none at once": (("--max-running", "0"), "0 is not in the range"),
    "size without unit": (("--mem", "8"), "such as 10gb"),
    "GPU wishes without a GPU": (("--gpu-mem", "10gb"), "add --gpus 1"),
    "capability": (("--gpus", "1", "--gpu-cap", "7.0"), "compute_70"),
    "name with a space": (("--name", "my job"), "cannot name a job"),
    "name that is too long": (("--name", "n" * 65), "64 characters at most"),
    "name with a slash": (("--name", "a/b"), "cannot name a job"),
    "queue": (("--queue", "a b"), "cannot be a queue"),
    "a shell in the agent's options": (("--agent", "$(reboot)"), "only plain words"),
    "unknown option": (("--job", "3"), "No such option"),
    "unknown scheduler": (("--scheduler", "lsf"), "'lsf' is not one of"),
}


def assert_one_line(process, status, said):
    assert process.returncode == status, process.stderr
    assert process.stdout == ""
    (line,) = process.stderr.splitlines()
    assert said in line


@pytest.mark.parametrize("mistake", USAGE)
def test_wrong_values_are_found_before_qsub(tmp_path, monkeypatch, capsys, mistake):
    options, said = USAGE[mistake]
    (tmp_path / "qsub").write_text("#!/bin/sh\ntouch submitted\n")
    (tmp_path / "qsub").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["metacentrum", *SUBMIT, "--logs", "logs", *options])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert len(shown.err.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["qsub"]


def test_sweeps_that_are_none(cluster):
    for sweep, said in (
        ("abc123", "ENTITY/PROJECT/ID"),
        ("sweep.yaml", "no such file"),
        ("a/b/c;d", "ENTITY/PROJECT/ID"),
    ):
        arguments = ("submit", sweep, "--no-check", "--jobs", "2", "--walltime", "1:00:00")
        assert_one_line(cluster.metacentrum(*arguments), 2, said)
    (cluster.project / "sweep.yaml").write_text("method: grid\n")
    assert_one_line(
        cluster.metacentrum("submit", "sweep.yaml", "--dry-run", *SUBMIT[3:]), 2, "is not a sweep"
    )
    assert_one_line(cluster.metacentrum("submit", "a/b/c", "--dry-run"), 2, "both --jobs and --walltime")


def test_keys_that_jobs_would_not_find(cluster):
    (cluster.home / ".netrc").unlink()
    assert_one_line(cluster.metacentrum(*SUBMIT), 1, "run `wandb login`")
    assert_one_line(cluster.metacentrum(*SUBMIT, WANDB_API_KEY="k" * 40), 1, "everyone can read")
    key = cluster.home / "key"
    assert_one_line(cluster.metacentrum(*SUBMIT, "--key-file", key), 1, "Cannot read the key")
    key.touch(mode=0o600)
    assert_one_line(cluster.metacentrum(*SUBMIT, "--key-file", key), 1, "no key in")
    key.write_text("k" * 40)
    key.chmod(0o644)
    assert_one_line(cluster.metacentrum(*SUBMIT, "--key-file", key), 1, "chmod 600")
    assert not (cluster.root / "jobs").exists()


def test_no_server_at_the_address(cluster):
    arguments = [word for word in SUBMIT if word != "--no-check"]
    assert_one_line(cluster.metacentrum(*arguments), 1, "http://127.0.0.1:9")
    assert not (cluster.root / "jobs").exists()


def test_what_pbs_refuses_or_drops(cluster):
    too_long = ("--walltime", "100:00:00")
    assert_one_line(cluster.metacentrum(*SUBMIT, *too_long), 2, "48:00:00 is the longest")
    assert_one_line(cluster.metacentrum(*SUBMIT, *too_long, "--gpus", 1), 2, "48:00:00 is the longest")
    named = ("--queue", "q_2h", "--walltime", "3:00:00")
    assert_one_line(cluster.metacentrum(*SUBMIT, *named), 2, "the queue q_2h takes: 2:00:00 is the longest")
    cluster.site(drops=True)
    assert_one_line(cluster.metacentrum(*SUBMIT), 1, "dropped it at once")
    cluster.site(drops=False)
    assert_one_line(cluster.metacentrum(*SUBMIT, "--queue", "nowhere"), 1, "leave --queue out")
    cluster.site(no_server=True)
    assert_one_line(cluster.metacentrum(*SUBMIT), 1, "cannot be reached")
    assert list((cluster.project / "logs").iterdir()) == [], "no folder is left of what was not submitted"


def test_a_job_that_was_taken_is_kept_when_pbs_then_does_not_answer(cluster):
    cluster.site(no_server=["qstat"])
    process = cluster.metacentrum(*SUBMIT)
    assert process.returncode == 0, process.stderr
    assert "1000[].pbs-fake.example.org was submitted, but cannot be looked up now" in process.stderr
    cluster.site(no_server=False)
    cluster.wait_for_end("1000[]")
    assert "done" in cluster.metacentrum("status").stdout


def test_a_qsub_that_takes_the_job_and_never_says_so(cluster):
    late = cluster.home / "bin"
    late.mkdir()
    (late / "qsub").write_text(f'#!/bin/bash\nPATH={cluster.env["PATH"]} qsub "$@"; read -t 60 <> <(:)\n')
    (late / "qsub").chmod(0o755)
    path = f"{late}:{cluster.env['PATH']}"
    process = cluster.metacentrum(*SUBMIT, PATH=path, METASWEEP_SCHEDULER_SECONDS="4")
    (folder,) = (cluster.project / "logs").iterdir()
    assert_one_line(process, 1, f"its output would be in {folder}")
    cluster.wait_for_end("1000[]")
    assert (folder / "metasweep.1.log").exists()


def test_no_ticket_never_hangs(cluster):
    (cluster.root / "no-ticket").touch()
    process = cluster.metacentrum(*SUBMIT, METASWEEP_SCHEDULER_SECONDS="1")
    assert_one_line(process, 1, "no valid ticket; run kinit")
    folder = cluster.project / "logs" / "before"
    folder.mkdir(parents=True)
    about = {"scheduler": "pbs", "name": "before", "job_id": "1000.pbs-fake.example.org"}
    (folder / "submission.json").write_text(json.dumps(about))
    process = cluster.metacentrum("status", METASWEEP_SCHEDULER_SECONDS="1")
    assert_one_line(process, 1, "no valid ticket; run kinit")
    shutil.rmtree(cluster.project / "logs")
    assert not list((cluster.project / "logs").glob("*"))


def test_no_scheduler_on_this_machine(cluster):
    assert_one_line(cluster.metacentrum(*SUBMIT, PATH=str(cluster.tools)), 1, "run this on a frontend")
    assert_one_line(
        cluster.metacentrum(*SUBMIT, "--scheduler", "pbs", PATH=str(cluster.tools)), 1, "No qsub here"
    )


def test_a_frontend_of_two_batch_systems(cluster):
    (cluster.tools / "sbatch").touch(mode=0o755)
    (cluster.project / "site.yaml").write_text("name: ours\n")
    assert_one_line(cluster.metacentrum(*SUBMIT, "--site", "site.yaml"), 1, "--scheduler pbs or")


def test_nothing_was_submitted_yet(cluster):
    for command in ("status", "logs", "cancel"):
        assert_one_line(cluster.metacentrum(command), 1, "submit one first")
        assert_one_line(cluster.metacentrum(command, "4711"), 1, "No submission 4711")


def test_logs_that_cannot_be_written(cluster):
    (cluster.project / "logs").write_text("a file in the way")
    assert_one_line(cluster.metacentrum(*SUBMIT), 2, "is a file")
    spaced = cluster.home / "my logs"
    assert_one_line(cluster.metacentrum(*SUBMIT, "--logs", spaced), 2, "without spaces")


def test_a_request_that_no_node_can_meet_is_explained(cluster):
    folder = cluster.submit("--jobs", "1", "--walltime", "1:00:00", "--cpus", "64")
    cluster.wait_for(lambda: "comment" in next(iter(cluster.qstat("1000").values())))
    said = cluster.metacentrum("status", folder).stdout
    assert "can never run: ncpus: 64 asked for, no node has more than 8; cancel it and ask for less" in said
    cluster.submit("--jobs", "1", "--walltime", "1:00:00", "--gpus", "1", "--gpu-cap", "compute_99")
    cluster.wait_for(lambda: "comment" in next(iter(cluster.qstat("1001").values())))
    assert "can never run: no node offers gpu_cap=compute_99" in cluster.metacentrum("status").stdout


def test_slurm_has_no_gpu_capabilities(cluster):
    arguments = (*SUBMIT, "--scheduler", "slurm", "--gpus", "1", "--gpu-cap", "compute_70", "--dry-run")
    assert_one_line(cluster.metacentrum(*arguments), 2, "choose a partition")


def test_an_environment_without_the_tool_is_found_before_qsub(cluster):
    """The .venv of somebody's program, while metasweep is installed elsewhere."""
    program = cluster.project / ".venv"
    (program / "bin").mkdir(parents=True)
    (program / "bin" / "python").write_text('#!/bin/sh\nexec python3 -I "$@"\n')
    (program / "bin" / "python").chmod(0o755)
    for command in (
        ("submit", "me/mnist/abc123", "--no-check", "--jobs", 1, "--walltime", "1:00:00"),
        ("hello",),
    ):
        process = cluster.metasweep(*command)
        assert_one_line(
            process, 1, f"{program}/bin/python, where metasweep is not installed (No module named"
        )
        assert "--venv" in process.stderr
    assert not list(cluster.root.glob("jobs/*"))
