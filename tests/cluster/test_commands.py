"""`python -m metacentrum` against the fake PBS: what it submits, shows and ends."""

import json
import re
import subprocess
import sys
from pathlib import Path

from metasweep.batch import tally
from tests.cluster.conftest import KEY, REPOSITORY


def test_a_dry_run_prints_script_and_command_and_does_nothing(cluster):
    process = cluster.metacentrum(
        *(
            "submit",
            "me/mnist/abc123",
            "--dry-run",
            "--jobs",
            10,
            "--walltime",
            "4:00:00",
            "--max-running",
            5,
        ),
        *(
            "--gpus",
            1,
            "--gpu-mem",
            "10gb",
            "--gpu-cap",
            "compute_70",
            "--cpus",
            4,
            "--mem",
            "8 GB",
            "--report",
        ),
        WANDB_API_KEY=KEY,
    )
    assert process.returncode == 0, process.stderr
    select = "select=1:ncpus=4:ngpus=1:gpu_mem=10gb:gpu_cap=compute_70:mem=8gb:scratch_local=10gb"
    for line in (f"#PBS -l {select}", "#PBS -l walltime=4:00:00", "#PBS -J 1-10%5", "SWEEP=me/mnist/abc123"):
        assert f"\n{line}\n" in process.stdout
    assert re.search(r"^\$ qsub '.*/logs/metasweep-\S+/agent.sh'$", process.stdout, re.MULTILINE)
    assert "#PBS -W depend=afterany:" in process.stdout
    assert KEY not in process.stdout
    assert not (cluster.project / "logs").exists()
    assert not (cluster.root / "jobs").exists()


def test_what_is_submitted_passes_shellcheck(cluster):
    process = cluster.metacentrum(
        "submit", "me/mnist/abc123", "--dry-run", "--jobs", 2, "--walltime", "1:00:00"
    )
    script = process.stdout.split("\n", 1)[1].rpartition("\n\n$ ")[0] + "\n"
    checked = subprocess.run(
        [Path(sys.executable).with_name("shellcheck"), "-x", "-P", REPOSITORY, "-"],
        input=script,
        text=True,
        capture_output=True,
    )
    assert checked.returncode == 0, checked.stdout


def test_a_single_job_is_plain_and_an_array_keeps_its_limit(cluster):
    cluster.submit("--jobs", 1, "--walltime", "1:00:00")
    (job,) = cluster.wait_for_end("1000")
    assert job["Exit_status"] == 0
    assert "PBS_ARRAY_INDEX" not in cluster.witnesses()[0]["environment"]
    cluster.submit("--jobs", 3, "--walltime", "1:00:00", "--max-running", 1, "--agent", "--sleep 0.2")
    cluster.wait_for_end("1001[]")
    assert len(cluster.witnesses()) == 4


def test_the_report_waits_for_all_jobs_whatever_became_of_them(cluster):
    package = cluster.project / "analysis"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import sys\nprint('analysis', *sys.argv[1:])\nsys.exit('status' in sys.argv)\n"
    )
    process = cluster.metacentrum(
        *("submit", "me/mnist/abc123", "--no-check", "--report", "--jobs", 2, "--walltime", "1:00:00"),
        *("--agent", "--exit 1"),
    )
    assert "Then the last job, as 1001.pbs-fake.example.org." in process.stdout
    (report,) = cluster.wait_for_end("1001")
    assert report["Exit_status"] == 1, "the grid is not complete"
    assert len(cluster.witnesses()) == 2
    (log,) = cluster.project.glob("logs/metasweep-report-*/metasweep-report.1.log")
    assert log.read_text().splitlines() == [
        "analysis status me/mnist/abc123",
        f"analysis report me/mnist/abc123 --output {log.parent}/report",
    ]
    said = cluster.metacentrum("status", "--watch").stdout
    assert said.count("failed;") == 2, "the last submission is that of the agents"
    assert f"report  failed: see {log.parent.relative_to(cluster.project)}" in said


def test_status_tells_waiting_running_and_ended_jobs_apart(cluster):
    cluster.submit("--jobs", 5, "--walltime", "1:00:00", "--cpus", 8, "--agent", "--sleep 60")
    cluster.wait_for(lambda: len(cluster.witnesses()) == 2)
    cluster.run("qdel", "1000[1]")
    cluster.wait_for(lambda: len(cluster.witnesses()) == 3)
    table = cluster.metacentrum("status").stdout
    assert re.search(
        r"^1000\[1\] +ended +node2 +preempted, its runs go on elsewhere \(cancelled\) *$", table, re.M
    )
    assert re.search(r"^1000\[2\] +running +node1 +0:00:0\d +agent says hello *$", table, re.M)
    assert re.search(r"^1000\[4\] … 1000\[5\] +2 queued *$", table, re.M)
    assert "jobs    2 queued, 2 running, 1 ended" in table


def test_many_jobs_fit_on_a_screen(cluster):
    folder = cluster.submit("--jobs", 12, "--walltime", "1:00:00", "--cpus", 4, "--agent", "--until enough")
    cluster.wait_for(lambda: len(cluster.witnesses()) == 4)
    tally.write({tally.VARIABLE: folder / "agent.1.json"}, tally.Tally(running=2, finished=5))
    table = cluster.metacentrum("status", COLUMNS="80").stdout
    assert re.search(r"^1000\[1\] +running +\S+ +\S+ +2 running, 5 fin", table, re.M)
    assert re.search(r"^1000\[5\] … 1000\[12\] +8 queued *$", table, re.M)
    (cluster.project / "enough").touch()
    cluster.wait_for_end("1000[]")
    table = cluster.metacentrum("status", COLUMNS="80").stdout
    assert re.search(r"^1000\[1\] … 1000\[12\] +12 ended +done *$", table, re.M)


def test_cancel_gives_agents_time_and_status_says_what_became_of_them(cluster):
    cluster.submit("--jobs", 2, "--walltime", "1:00:00", "--agent", "--sleep 60")
    cluster.wait_for(lambda: len(cluster.witnesses()) == 2)
    assert "Would cancel 1000[]" in cluster.metacentrum("cancel", "--dry-run").stdout
    assert cluster.metacentrum("cancel", "1000[1].pbs-fake.example.org").returncode == 0
    cluster.wait_for_end("1000[]")
    assert len(cluster.witnesses("signal")) == 2
    assert cluster.metacentrum("cancel").stdout == "1000[].pbs-fake.example.org has ended already.\n"
    said = cluster.metacentrum("status").stdout
    assert said.count("preempted, its runs go on elsewhere (cancelled)") == 2, said


def test_a_forced_cancel_gives_time_too_and_leaves_scratch_clean(cluster):
    (cluster.project / "site.yaml").write_text("kill_delay: 2\nscratch: {kinds: [local]}\n")
    options = ("--walltime", "1:00:00", "--agent", "--sleep 60")
    cluster.submit("--jobs", 2, *options, METASWEEP_SITE="site.yaml")
    cluster.wait_for(lambda: len(cluster.witnesses()) == 2)
    said = cluster.metacentrum("cancel", "--force", METASWEEP_SITE="site.yaml").stdout
    assert "its agents have 2 seconds to release their runs" in said
    assert "Killed" not in said
    assert len(cluster.witnesses("signal")) == 2
    assert not [path for path in (cluster.root / "scratch").rglob("*") if path.is_file()]
    stubborn = cluster.project / "stubborn.sh"
    stubborn.write_text('trap "" TERM; touch "$PBS_O_WORKDIR/begun"; while :; do sleep 0.1; done\n')
    cluster.site(grace=60)
    job_id = cluster.qsub(stubborn)
    cluster.wait_for((cluster.project / "begun").exists)
    said = cluster.metacentrum("cancel", job_id, "--force", METASWEEP_SITE="site.yaml").stdout
    assert f"Killed {job_id}, which did not end" in said
    assert [job["Exit_status"] for job in cluster.wait_for_end(job_id)] == [271]


def test_who_is_told_when_all_is_done(cluster):
    """By the batch system's mail, whose host the site knows, and by a command of one's own."""
    (cluster.project / "site.yaml").write_text("mail_domain: example.org\n")
    cluster.submit(
        *("--jobs", 2, "--walltime", "1:00:00", "--mail", "me"),
        *("--done", 'echo "$1 ended with $2" >"it\'s done"; false', "--venv", sys.prefix),
        METASWEEP_SITE="site.yaml",
    )
    (last,) = cluster.wait_for_end("1001")
    done = (cluster.project / "it's done").read_text()
    assert done == f"me/mnist/abc123 ended with {last['Exit_status']}\n"
    mails = [json.loads(path.read_text())["mail"] for path in sorted(cluster.root.glob("jobs/*.json"))]
    assert mails == [["ae", "me@example.org"], [None, None]]


def test_what_lacked_memory_or_time_is_said_and_asked_for_again(cluster):
    cluster.submit("--jobs", 2, "--walltime", "0:10:00", "--mem", "60mb", "--agent", "--eat 99")
    cluster.wait_for_end("1000[]")
    said = cluster.metacentrum("status").stdout
    assert said.count("too little memory: all of its 0.0586 GB were used; ask for more --mem, or") == 2, said
    again = ("submit", "me/mnist/abc123", "--no-check", "--jobs", 2, "--walltime", "0:10:00", "--retry")
    for number, mem in ((1001, "90mb"), (1002, "135mb")):
        process = cluster.metacentrum(*again)
        assert f"Too little memory: now --jobs 2 --walltime 0:10:00 --mem {mem}." in process.stderr
        cluster.wait_for_end(f"{number}[]")
    process = cluster.metacentrum(*again)
    assert (process.returncode, process.stdout) == (1, "")
    assert "1002[].pbs-fake.example.org had 2.25 times what was asked for first" in process.stderr


def test_a_walltime_that_was_too_short_grows_up_to_the_longest_queue(cluster):
    cluster.site(second=0.01)
    (cluster.home / "site.yaml").write_text(
        "scheduler: pbs\nqueues: [{name: short, walltime: '0:00:14'}]\nscratch: {kinds: [local], size: 1gb}\n"
    )
    again = ("submit", "me/mnist/abc123", "--no-check", "--site", cluster.home / "site.yaml")
    again += ("--jobs", 1, "--walltime", "0:00:10", "--agent", "--sleep 60")
    assert cluster.metacentrum(*again).returncode == 0
    cluster.wait_for_end("1000")
    assert "too little time: 0:00:10 had passed" in cluster.metacentrum("status").stdout
    process = cluster.metacentrum(*again, "--retry")
    assert "Too little time: now --jobs 1 --walltime 0:00:14 --mem 8gb." in process.stderr
    cluster.wait_for_end("1001")
    process = cluster.metacentrum(*again, "--retry")
    assert process.returncode == 1
    assert "No queue takes more than the 0:00:14 that 1001." in process.stderr


def test_logs_shows_each_job_and_follows(cluster):
    folder = cluster.submit("--jobs", 2, "--walltime", "1:00:00", "--agent", "--sleep 0.5")
    following = cluster.metacentrum("logs", "--follow", "--interval", 0.1)
    assert following.returncode == 0
    cluster.wait_for_end("1000[]")
    assert following.stdout.count("agent says hello") == 2
    both = cluster.metacentrum("logs", folder).stdout
    assert both == "== metasweep.1.log\nagent says hello\n== metasweep.2.log\nagent says hello\n"
    assert cluster.metacentrum("logs", "1000", "--job", 2).stdout == "agent says hello\n"


def test_hello_waits_and_shows_what_the_job_found(cluster):
    cluster.site(second=1.0)  # it imports torch, which takes its time on a busy machine
    process = cluster.metacentrum("hello", "--interval", 0.1)
    assert process.returncode == 1
    assert "server  NO: No module named 'click': the environment does not exist yet" in process.stdout
    process = cluster.metacentrum("hello", "--interval", 0.1, "--venv", sys.prefix)
    assert process.returncode == 1
    assert "server  NO: http://127.0.0.1:9 does not answer" in process.stdout
    assert "Submitted 1001.pbs-fake.example.org" in process.stderr


def test_hello_asks_the_server_that_wandb_login_has_saved(cluster):
    """`wandb login --host` keeps it in a file of settings, and no variable says it."""
    cluster.site(second=1.0)
    settings = cluster.home / ".config" / "wandb" / "settings"
    settings.parent.mkdir(parents=True)
    settings.write_text("[default]\nbase_url = http://127.0.0.1:9/\n")
    del cluster.env["WANDB_BASE_URL"]
    process = cluster.metacentrum("hello", "--interval", 0.1, "--venv", sys.prefix)
    assert "server  NO: http://127.0.0.1:9 does not answer" in process.stdout


def test_hello_gives_up_on_what_can_never_run(cluster):
    process = cluster.metacentrum("hello", "--gpus", 1, "--interval", 0.1, "--dry-run")
    assert "ngpus=1" in process.stdout
    cluster.site(cpus=0)
    process = cluster.metacentrum("hello", "--interval", 0.1)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].endswith(
        "can never run: ncpus: 1 asked for, no node has more than 0; it is cancelled; ask for less"
    )
    cluster.wait_for_end("1000")


def test_on_a_bare_frontend_one_line_makes_the_environment(cluster):
    """With Debian's python3 alone: no click, no wandb, no environment, no key."""
    (cluster.home / ".netrc").unlink()
    (cluster.project / "Makefile").write_text(
        "setup:\n\t@echo made $(VENV)\n\t@mkdir -p $(VENV)/bin; touch $(VENV)/pyvenv.cfg\n"
        f"\t@ln -sf {sys.executable} $(VENV)/bin/python\n"
    )
    (cluster.project / "train").symlink_to(REPOSITORY / "train")
    process = cluster.run("python3", "-m", "metacentrum", "hello")
    assert (process.returncode, process.stdout) == (1, "")
    assert (
        process.stderr == "Error: there is no environment yet; make it first: python3 -m metacentrum setup\n"
    )
    process = cluster.run("python3", "-m", "metacentrum", "setup")
    assert process.returncode == 0, process.stderr
    assert "Submitted 1000.pbs-fake.example.org, which makes the environment" in process.stdout
    cluster.wait_for_end("1000")
    assert (cluster.project / "logs" / "setup.log").read_text().startswith(f"made {cluster.project}/.venv\n")
    process = cluster.run("python3", "-m", "metacentrum", "hello", "--dry-run")
    assert process.returncode == 0, process.stderr


def test_setup_makes_the_environment_with_temporary_files_in_scratch(cluster):
    (cluster.project / "Makefile").write_text(
        "setup:\n\t@echo $(PYTHON) $(VENV) $$TMPDIR\n\t@touch $(VENV)/pyvenv.cfg\n\t@mkdir -p $(VENV)/bin\n"
        f"\t@ln -sf {sys.executable} $(VENV)/bin/python\n"
    )
    for package in ("train",):
        (cluster.project / package).symlink_to(REPOSITORY / package)
    process = cluster.metacentrum("setup", "--interval", 0.1)
    made, *found = process.stdout.splitlines()
    assert made.startswith(f"python3 {cluster.project}/.venv {cluster.root}/scratch/job_1000.")
    assert found
