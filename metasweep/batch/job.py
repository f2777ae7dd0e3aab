"""What the batch system tells a process about its job. All of a job's variables are read here."""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from metasweep.batch.walltime import parse, seconds_in

ASK_SECONDS = 10.0
ASK_ATTEMPTS = 3  # a hundred jobs that start together ask at the same time
RETRY_SECONDS = (1.0, 5.0)
RECORD = "METASWEEP_JOB_RECORD"
"""Names a file with PBS's record of the job (`qstat -f -F json`), for a container image without qstat."""


def job_id(environ: Mapping[str, str]) -> str | None:
    """Return the id of this job; None outside of a job."""
    return environ.get("PBS_JOBID") or environ.get("SLURM_JOB_ID")


def core_limits(environ: Mapping[str, str]) -> list[int]:
    """Return all numbers of cores that the batch system's variables name."""
    names: tuple[str, ...] = ()
    if "PBS_JOBID" in environ:
        names = ("NCPUS", "OMP_NUM_THREADS")
    elif "SLURM_JOB_ID" in environ:
        names = ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE")
    values = (environ.get(name, "") for name in names)
    return [int(value) for value in values if value.isdigit() and int(value) > 0]


def gpus(environ: Mapping[str, str]) -> list[str] | None:
    """Return the GPUs of this job, by number or name; None if nothing says which."""
    given = environ.get("CUDA_VISIBLE_DEVICES")
    return None if given is None else [gpu.strip() for gpu in given.split(",") if gpu.strip()]


def time_left(environ: Mapping[str, str]) -> float | None:
    """Return the seconds left of this job; None outside of a job, or if the batch system does not answer."""
    if job := environ.get("PBS_JOBID"):
        return time_left_of_pbs(job, environ.get(RECORD))
    if "SLURM_JOB_END_TIME" in environ:
        return float(environ["SLURM_JOB_END_TIME"]) - time.time()
    if job := environ.get("SLURM_JOB_ID"):
        return seconds_in(output_of(["squeue", "-h", "-j", job, "-o", "%L"]) or "")
    return None


def time_left_of_pbs(job: str, record: str | None) -> float | None:
    """Return the time limit minus the time since the start. PBS's own `resources_used` lags behind."""
    answer = Path(record).read_text("utf-8") if record else output_of(["qstat", "-f", "-F", "json", job])
    try:
        described = next(iter(json.loads(answer or "{}")["Jobs"].values()))
        limit = parse(str(described["Resource_List"]["walltime"]))
        began = time.mktime(time.strptime(described["stime"], "%a %b %d %H:%M:%S %Y"))
    except (KeyError, ValueError, StopIteration):
        return None
    return limit - (time.time() - began)


def output_of(command: list[str]) -> str | None:
    """Return the output of a batch system's command; None if it fails."""
    for attempt in range(ASK_ATTEMPTS):
        if attempt:
            time.sleep(random.uniform(*RETRY_SECONDS))
        try:
            return subprocess.check_output(
                command, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True, timeout=ASK_SECONDS
            ).strip()
        except subprocess.SubprocessError:
            continue
        except OSError:
            return None
    return None
