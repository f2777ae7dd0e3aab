"""OpenPBS, as on MetaCentrum. The surprises noted below were seen on a real server (23.06)."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

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

NO_SERVER, UNKNOWN_JOB, FINISHED_JOB, NOT_ENABLED = 160, 153, 35, 173
UNAUTHORIZED, DENIED = 159, 174  # a server's answer about a queue that the account may not use
ADVICE = {
    2: "an option that this PBS does not take",
    NO_SERVER: "the PBS server cannot be reached; try again later, or from another frontend",
    166: "a value that PBS does not take",
    UNAUTHORIZED: "your account may not use this queue; leave --queue out, or choose another",
    DENIED: "your account may not use this queue; leave --queue out, or choose another",
    NOT_ENABLED: "this queue takes no jobs now; leave --queue out",
    170: "there is no such queue; leave --queue out, PBS chooses by walltime and GPUs",
    187: "this PBS has no such resource; leave it out",
    188: "more than the queue allows; ask for less, or leave --queue out",
}
OVER_VIRTUAL_MEMORY, OVER_MEMORY, AT_WALLTIME, AFTER_SIGNAL = -26, -27, -29, 256
STATES: dict[str, State] = {"R": "running", "E": "running", "B": "running", "X": "ended", "F": "ended"}
FULL = 0.97  # of the requested memory; a job that used more was stopped by the limit
LAG_SECONDS = 30  # how old PBS's used time may be
AMOUNT = re.compile(r"Insufficient amount of \w*\s*resource: (\w+)(?: \(R: (\S+) A: (\S+) T: (\S+)\))?")
MISMATCH = re.compile(r"Insufficient amount of \w*\s*resource: (\w+) \((\S+) != ")


class PBS(Scheduler):
    """OpenPBS by its commands qsub, qstat and qdel."""

    name = "pbs"
    submit_program = "qsub"
    marker = "#PBS"

    def refuse(self, request: Request) -> str | None:
        """Refuse paths that PBS misreads: ':' means host:path, and a space ends an option."""
        if re.search(r"[\s:,'\"^]", str(request.logs)):
            return f"PBS cannot write to {str(request.logs)!r}: choose a path without spaces and :"
        return super().refuse(request)

    def directives(self, request: Request) -> list[str]:
        """Return qsub's options. `-k oed` writes the output live, if its folder exists."""
        lines = [
            f"-N {request.name}",
            f"-l {select(request)}",
            f"-l walltime={clock(request.walltime)}",
        ]
        # If the path is a folder, PBS names the file after the job's id. So give a file name.
        index = "^array_index^" if request.jobs > 1 else "1"
        lines += ["-j oe", "-k oed", f"-o {request.output(index)}"]
        if request.jobs > 1:  # PBS refuses an array of one
            lines.append(f"-J 1-{request.jobs}{request.limit}")
        if request.queue:
            lines.append(f"-q {request.queue}")
        if request.after:  # afterok would only look at the member of the array that ends last
            lines.append(f"-W depend=afterany:{request.after}")
        if request.after_ok:
            lines.append(f"-W depend=afterok:{request.after_ok}")
        lines += ["-m ae", f"-M {request.mail}"] if request.mail else []
        return lines

    def run(self, arguments: Sequence[str]) -> CompletedProcess[str]:
        """Run one of PBS's commands."""
        return command.run(arguments, self.site.ticket)

    def failure(self, process: CompletedProcess[str]) -> click.ClickException:
        """Return the error for a command that failed."""
        away = "onnect to" in process.stderr  # the exit status depends on the command: 160, 162 or 255
        status = NO_SERVER if away else process.returncode
        return command.failure(process, ADVICE.get(status, ""), self.site.ticket)

    def submit(self, script: Path) -> str:
        """Submit and look the job up: qsub prints an id and exits with 0 even if no queue takes the job."""
        process = self.run(self.command(script))
        job_id = process.stdout.strip()
        if process.returncode or not job_id:
            raise self.failure(process)
        if not self.exists(job_id):
            raise click.ClickException(
                f"PBS took the job as {job_id} and dropped it at once: no queue takes this walltime or these "
                "resources (or the job to wait for is unknown); ask for less"
            )
        return job_id

    def exists(self, job_id: str) -> bool:
        """Return whether PBS knows a job.

        A job that moves between two servers may be unknown for a moment.
        """
        for attempt in range(3):
            if attempt:
                time.sleep(0.5)
            if super().exists(job_id):
                return True
        return False

    def jobs(self, job_id: str) -> list[Job]:
        """Return a single job, or all members of an array, without the array's own record."""
        found = [job for job_id, record in self.ask([job_id]).items() if (job := read_job(job_id, record))]
        return sorted(found, key=lambda job: job.index)

    def ask_queues(self) -> tuple[Queue, ...]:
        """Ask `qstat -Qf`. A job that names no queue goes to the default one, which may pass it on."""
        server = self.tell(["qstat", "-Bf", "-F", "json"])["Server"]
        default = next(iter(server.values())).get("default_queue", "")
        return read_queues(self.tell(["qstat", "-Qf", "-F", "json"])["Queue"], default)

    def cancel(self, job_ids: Sequence[str], force: bool = False) -> None:
        """qdel. Jobs that have already ended cause no error."""
        process = self.run(["qdel", *(["-W", "force"] if force else []), *job_ids])
        if process.returncode not in (0, FINISHED_JOB, UNKNOWN_JOB):
            raise self.failure(process)

    def how_ended(self, job: Job) -> str:
        """Explain PBS's exit status: negative for its own reasons, above 256 for signals."""
        status = job.exit_status
        if not job.run_count:  # a queued member of an array that is deleted has exit status 1
            return "cancelled before it started"
        if status is None:
            return "ended before it started"
        if status == AT_WALLTIME:
            return "killed at its walltime"
        if status in (OVER_MEMORY, OVER_VIRTUAL_MEMORY):
            return "killed for its memory"
        if status > AFTER_SIGNAL:
            return "cancelled" if status == AFTER_SIGNAL + 15 else f"killed by signal {status - AFTER_SIGNAL}"
        return f"PBS could not run it ({status})" if status < 0 else f"exit status {status}"

    def lack(self, job: Job) -> Lack | None:
        """Judge by the exit status or by what was used: the kernel may kill only one process of a job."""
        if job.exit_status in (OVER_MEMORY, OVER_VIRTUAL_MEMORY):
            return "memory"
        if job.mem_used and job.mem_asked and job.mem_used >= FULL * job.mem_asked:
            return "memory"
        if job.exit_status == AT_WALLTIME:
            return "time"
        over = job.time_used and job.time_asked and job.time_used >= job.time_asked - LAG_SECONDS
        return "time" if over and job.exit_status == AFTER_SIGNAL + 15 else None

    def ask(self, job_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """PBS's records of jobs and their members, ended ones too; {} for ids that it does not know."""
        return self.tell(["qstat", "-xft", "-F", "json", *job_ids]).get("Jobs", {})

    def tell(self, question: Sequence[str]) -> dict[str, Any]:
        """Return the answer of qstat in JSON."""
        process = self.run(question)
        if process.returncode not in (0, UNKNOWN_JOB):
            raise self.failure(process)
        try:
            return json.loads(process.stdout or "{}")
        except ValueError as error:
            raise click.ClickException(f"qstat did not answer in JSON ({error}); is this OpenPBS?") from error

    def explain(self, comment: str) -> str:
        """Explain 'Can Never Run' and 'Not Running'."""
        kind, _, reason = comment.partition(": ")
        if kind == "Can Never Run":
            return f"can never run: {explain_reason(reason, never=True)}; cancel it and ask for less"
        return f"waits: {explain_reason(reason, never=False)}" if kind == "Not Running" else ""


def read_queues(records: dict[str, dict[str, Any]], default: str) -> tuple[Queue, ...]:
    """Return the queues that take jobs, from the records of all."""
    reached = destinations(records, default)
    works = {"queue_type": "Execution", "enabled": "True", "started": "True"}
    found = []
    for name, record in records.items():
        least, most = record.get("resources_min", {}), record.get("resources_max", {})
        if works.items() <= record.items():
            limit, gpus = seconds_in(str(most.get("walltime"))), gpus_of(least, most)
            found.append(Queue(name, limit, gpus, named=name not in reached))
    return tuple(found)


def destinations(records: dict[str, dict[str, Any]], name: str) -> set[str]:
    """Return the queues to which a queue passes jobs, or the queue itself if it runs them.

    Queues that only some users may use are left out.
    """
    record = records.get(name, {})
    if any(record.get(f"acl_{kind}_enable") == "True" for kind in ("user", "group")):
        return set()
    if record.get("queue_type") != "Route":
        return {name}
    further = (one.strip().partition("@")[0] for one in str(record.get("route_destinations", "")).split(","))
    return set().union(*(destinations(records, one) for one in further if one != name))


def gpus_of(least: dict[str, Any], most: dict[str, Any]) -> bool | None:
    """Return whether the jobs of a queue have GPUs, by its limits; None: they may have."""
    if least.get("ngpus"):
        return True
    return False if most.get("ngpus") == 0 else None


def select(request: Request) -> str:
    """Return the resources of one job: `select=1:ncpus=4:mem=8gb:scratch_local=10gb`."""
    chunk = [f"ncpus={request.cpus}"]
    if request.gpus:
        chunk.append(f"ngpus={request.gpus}")
        chunk += [f"gpu_mem={request.gpu_mem}"] if request.gpu_mem else []
        chunk += [f"gpu_cap={request.gpu_cap}"] if request.gpu_cap else []
    chunk.append(f"mem={request.mem}")
    if request.scratch_kind == "shm":
        chunk.append("scratch_shm=true")
    elif request.scratch_kind:
        chunk.append(f"scratch_{request.scratch_kind}={request.scratch}")
    return ":".join(["select=1", *chunk])


def read_job(job_id: str, record: dict[str, Any]) -> Job | None:
    """Return the job in PBS's record; None for the record of a whole array."""
    index = re.search(r"\[(\d*)\]", job_id)
    if index and not index[1]:
        return None
    started = record.get("stime")
    return Job(
        id=job_id,
        index=int(index[1]) if index else 1,
        state=STATES.get(str(record.get("job_state")), "queued"),
        node=str(record.get("exec_host", "")).split("/")[0],
        started=time.mktime(time.strptime(started)) if started else None,
        exit_status=record.get("Exit_status"),
        comment=str(record.get("comment", "")),
        run_count=int(record.get("run_count", 1 if started else 0)),
        output=output(job_id, record, index[1] if index else ""),
        mem_used=size(record.get("resources_used", {}).get("mem")),
        mem_asked=size(record.get("Resource_List", {}).get("mem")),
        time_used=seconds_in(str(record.get("resources_used", {}).get("walltime"))),
        time_asked=seconds_in(str(record.get("Resource_List", {}).get("walltime"))),
    )


def output(job_id: str, record: dict[str, Any], index: str) -> Path | None:
    """Return where PBS writes a job's output (HOST:PATH). In a folder the file is named after the job."""
    path = str(record.get("Output_Path", "")).partition(":")[2].replace("^array_index^", index)
    if not path:
        return None
    return Path(path) / f"{job_id}.OU" if path.endswith("/") else Path(path)


def size(text: object) -> int | None:
    """Bytes of '1024kb' or '8gb'."""
    match = re.fullmatch(r"(\d+)([kmgtp]?)b", str(text))
    return int(match[1]) << 10 * " kmgtp".index(match[2] or " ") if match else None


def explain_reason(reason: str, never: bool) -> str:
    """Return a reason in plain words; R, A and T are requested, available and total."""
    if mismatch := MISMATCH.search(reason):
        return f"no node offers {mismatch[1]}={mismatch[2]}"
    amount = AMOUNT.search(reason)
    if not amount:
        return reason.strip() or "no reason given"
    name, requested, available, total = amount.groups()
    if not total:
        return f"not enough {name}"
    most = f"no node has more than {total}" if never else f"{available} of {total} free"
    return f"{name}: {requested} asked for, {most}"
