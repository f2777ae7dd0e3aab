"""Slurm, through its commands sbatch, squeue and scancel."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import click

from metasweep.batch.walltime import clock, seconds_in
from metasweep.cluster.schedulers import command
from metasweep.cluster.schedulers.base import (
    Job,
    Lack,
    Request,
    Scheduler,
    State,
)
from metasweep.cluster.site import Queue

WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT", "SUSPENDED"}
ACTIVE = {"RUNNING", "CONFIGURING", "COMPLETING", "STAGE_OUT", "SIGNALING", "STOPPED", "RESIZING"}
FIELDS = (
    "ArrayJobID",
    "ArrayTaskID",
    "JobID",
    "State",
    "NodeList",
    "StartTime",
    "exit_code",
    "Reason",
    "RestartCnt",
    "TimeUsed",
    "TimeLimit",
)
NEVER = {  # the whole reason: what it means; the first that fits counts
    r"BadConstraints": "no node offers what was asked for",
    r"DependencyNeverSatisfied": "the job to wait for failed or is not known",
    r"PartitionTimeLimit": "the walltime is longer than the partition allows",
    r"PartitionNodeLimit": "more than the partition has",
    r"PartitionConfig": "the partition never runs such jobs: see `scontrol show partition`",
    r"(AssocMax|QOSMax)WallDurationPerJob\w*": "the walltime is longer than this account may ask for",
    r"(AssocMax|QOSMax)\w+Per(Job|Node)(Limit)?": "more than this account may ask for in one job",
    r"QOSMin\w+": "less than this account must ask for in one job",
    r"(AssocGrp|QOSGrp)\w*Minutes\w*": "the computing time of this account is used up",
    r"(Invalid|Account|QOS)\w*(Account|QOS|NotAllowed)": "this account may not run such jobs",
    r"JobHeldAdmin|JobHoldMaxRequeue|JobLaunchFailure|launch failed requeued held": "Slurm holds it back",
}
HELD = "JobHeldUser"

AWAY = "Slurm's server cannot be reached; try again later, or from another frontend"
ADVICE = {
    "invalid partition": "see `sinfo -s`, or leave --queue out",
    "Invalid account": "your account may not use this partition; leave --queue out, or choose another",
    "node configuration is not available": "no node has that; ask for less",
    "time limit": "ask for a shorter --walltime",
    "Unable to contact slurm controller": AWAY,
    "Could not establish a configuration source": AWAY,
}


class Slurm(Scheduler):
    """Slurm, any release that knows `squeue -O`."""

    name = "slurm"
    submit_program = "sbatch"
    marker = "#SBATCH"

    def refuse(self, request: Request) -> str | None:
        """Slurm knows GPUs only by their type, and scratch only by its size."""
        if request.gpu_mem or request.gpu_cap:
            return "Slurm takes no --gpu-mem and no --gpu-cap: choose a partition with such GPUs by --queue"
        if "%" in str(request.logs):  # Slurm would read it as a pattern
            return f"Slurm cannot write to {str(request.logs)!r}: choose a path without %"
        if re.search(r"\s", str(request.logs)):
            return f"Slurm cannot write to {str(request.logs)!r}: move the project to a path without spaces"
        return super().refuse(request)

    def directives(self, request: Request) -> list[str]:
        """Return sbatch's options. Output is live, and a restarted job appends to it."""
        array = request.jobs > 1
        output = request.output("%a" if array else "1")
        lines = [f"--job-name={request.name}", f"--time={clock(request.walltime)}", "--ntasks=1"]
        lines += [f"--cpus-per-task={request.cpus}", f"--mem={request.mem[:-1].upper()}"]
        lines += [f"--gres=gpu:{request.gpus}"] if request.gpus else []
        lines += [f"--output={output}", "--open-mode=append", "--requeue"]
        lines += [f"--array=1-{request.jobs}{request.limit}"] if array else []
        lines += [f"--partition={request.queue}"] if request.queue else []
        lines += [f"--dependency=afterany:{request.after}"] if request.after else []
        if request.after_ok:
            lines += [f"--dependency=afterok:{request.after_ok}", "--kill-on-invalid-dep=yes"]
        lines += ["--mail-type=END,FAIL", f"--mail-user={request.mail}"] if request.mail else []
        return [*lines, "--export=NONE"]

    def command(self, script: Path) -> list[str]:
        """sbatch, printing nothing but the id."""
        return [self.submit_program, "--parsable", str(script)]

    def submit(self, script: Path) -> str:
        """Return the id. With several clusters, sbatch appends ';cluster'."""
        process = command.run(self.command(script))
        if process.returncode:
            raise failure(process)
        job_id = process.stdout.strip().split(";")[0]
        if not self.exists(job_id):
            raise click.ClickException(f"Slurm took the job as {job_id}, but does not know it now")
        return job_id

    def jobs(self, job_id: str) -> list[Job]:
        """Ask squeue, which forgets ended jobs after some minutes (MinJobAge)."""
        fields = ",".join(f"{field}:64" for field in FIELDS)
        process = command.run(["squeue", "--states=all", "--array", "--noheader", "-j", job_id, "-O", fields])
        if process.returncode and "Invalid job id" not in process.stderr:
            raise failure(process)
        return sorted((read_job(line) for line in process.stdout.splitlines()), key=lambda job: job.index)

    def ask_queues(self) -> tuple[Queue, ...]:
        """By sinfo. A job that names no partition goes to the default one."""
        process = command.run(["sinfo", "--noheader", "-o", "%P|%a|%l|%G"])
        if process.returncode:
            raise failure(process)
        return tuple(found for line in process.stdout.splitlines() if (found := read_partition(line)))

    def cancel(self, job_ids: Sequence[str], force: bool = False) -> None:
        """scancel; with `force`, SIGKILL at once."""
        process = command.run(["scancel", *(["--signal=KILL", "--full"] if force else []), *job_ids])
        if process.returncode and "Invalid job id" not in process.stderr:
            raise failure(process)

    def how_ended(self, job: Job) -> str:
        """Return the state in words; after the end it is in `comment`."""
        words = {
            "TIMEOUT": "killed at its walltime",
            "OUT_OF_MEMORY": "killed for its memory",
        }
        state = job.comment.split()[0] if job.comment else ""
        if state.startswith("CANCELLED"):
            return "cancelled"
        return words.get(state) or f"exit status {job.exit_status}"

    def lack(self, job: Job) -> Lack | None:
        """Judge by the state; after the end it is in `comment`."""
        return {"OUT_OF_MEMORY": "memory", "TIMEOUT": "time"}.get(job.comment)  # type: ignore[return-value]

    def explain(self, comment: str) -> str:
        """The reasons for which a job never starts, and the others as they are."""
        reason = comment.strip("()")
        if meaning := next((words for pattern, words in NEVER.items() if re.fullmatch(pattern, reason)), ""):
            return f"can never run: {meaning}; cancel it and ask for something else"
        if reason == HELD:
            return "waits: you hold it; `scontrol release` lets it start"
        return f"waits: {reason}" if reason not in ("", "None") else ""


def read_partition(line: str) -> Queue | None:
    """A partition from a line of sinfo, which marks the default one with a *; None for one that is down."""
    name, state, longest, gres = line.split("|")
    if state != "up":
        return None
    gpus = None if re.search(r"\bgpu\b", gres) else False
    return Queue(name.rstrip("*"), seconds_in(longest), gpus, named=not name.endswith("*"))


def failure(process: CompletedProcess[str]) -> click.ClickException:
    """Return the error for a command that failed, with what to do."""
    advice = next((advice for words, advice in ADVICE.items() if words in process.stderr), "")
    return command.failure(process, advice)


def read_job(line: str) -> Job:
    """Read a job from one line of squeue, with columns of 64 characters."""
    array, task, job_id, state, node, started, exit_code, reason, restarts, used, limit = (
        line[start : start + 64].strip() for start in range(0, 64 * len(FIELDS), 64)
    )
    plain = task in ("N/A", "")
    state = state.split()[0]
    simple: State = "queued" if state in WAITING else "running" if state in ACTIVE else "ended"
    return Job(
        id=job_id if plain else f"{array}_{task}",
        index=1 if plain else int(task),
        state=simple,
        node=node,
        started=time.mktime(time.strptime(started, "%Y-%m-%dT%H:%M:%S")) if started[:1].isdigit() else None,
        exit_status=int(exit_code) >> 8 if exit_code.isdigit() and simple == "ended" else None,
        comment=state if simple == "ended" else reason,
        run_count=int(restarts) + 1 if restarts.isdigit() else 1,
        time_used=seconds_in(used),
        time_asked=seconds_in(limit),
    )
