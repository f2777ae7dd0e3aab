"""The fake site: one folder holds its settings and a record of each job, as PBS's server would.

`$FAKEPBS/site.json` may set: second (real seconds for one of PBS's), grace (real seconds from SIGTERM to
SIGKILL at the least; up to 1.8 times that), cycle (real seconds until the scheduler looks at a new job),
cpus and nodes, queues (name to longest walltime in seconds, shortest first), denied (queues for others),
refuses (whether qsub itself says that no queue takes a job, or gives an id to nothing), drops (whether the
routing queue takes every job and drops it), memory (whose limit it is: "cgroup" kills one process, "mom"
the job, "" none), no_server (for all commands, or for those listed).
"""

import json
import os
import re
import socket
import sys
import time
from pathlib import Path

ROOT = Path(os.environ["FAKEPBS"])
SERVER = "pbs-fake.example.org"
RESOURCES = {"ncpus", "ngpus", "mem", "gpu_mem", "gpu_cap", "scratch_local", "scratch_ssd", "scratch_shared"}
RESOURCES |= {"scratch_shm", "walltime", "select", "mpiprocs", "host"}
DEFAULTS = {
    "second": 1.0,
    "grace": 10.0,
    "cycle": 0.1,
    "cpus": 8,
    "nodes": ["node1", "node2"],
    "queues": {"q_2h": 2 * 3600, "q_1d": 24 * 3600, "q_2d": 48 * 3600},
    "denied": ["q_friends"],
    "refuses": False,
    "drops": False,
    "memory": "cgroup",
    "no_server": False,
}


def settings():
    """What this site is like."""
    path = ROOT / "site.json"
    return {**DEFAULTS, **(json.loads(path.read_text()) if path.exists() else {})}


def check_access(program):
    """Without a ticket every command asks for a password and waits; without a server none works."""
    if (ROOT / "no-ticket").exists():
        ask_password()
    away = settings()["no_server"]
    if away is True or (away and program in away):
        sys.stderr.write("Connection refused\n")
        fail(program, f"cannot connect to server {SERVER} (errno=15010)", 255 if program == "qstat" else 162)


def ask_password():
    """As Kerberos does: on the terminal if there is one, else for ever."""
    try:
        with Path("/dev/tty").open("r+b", buffering=0) as terminal:
            terminal.write(b"Password: ")
            terminal.readline()
    except OSError:
        time.sleep(3600)


def fail(program, message, status):
    """Say it as PBS does, and leave."""
    print(f"{program}: {message}", file=sys.stderr)
    raise SystemExit(status)


def number_of(job_id):
    """'123' of '123[4].server'."""
    return re.split(r"[\[.]", job_id)[0]


def path_of(number):
    return ROOT / "jobs" / f"{number}.json"


def read(number):
    """The record of a job, or None."""
    try:
        return json.loads(path_of(number).read_text())
    except FileNotFoundError:
        return None


def write(record):
    """Replace a job's record at once."""
    path = path_of(record["number"])
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(record))
    part.replace(path)


def request(number, **what):
    """Leave a request for a job's mom."""
    folder = ROOT / "requests" / number
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{time.monotonic_ns()}-{os.getpid()}"
    part.write_text(json.dumps(what))
    part.rename(folder / part.name[1:])


def route(walltime, gpus):
    """The queue that the routing queue chooses, or None."""
    fitting = (name for name, longest in settings()["queues"].items() if walltime <= longest)
    name = next(fitting, None)
    return f"gpu_{name}" if name and gpus else name


def bytes_of(text):
    """Bytes of PBS's sizes: 8gb, 500mb; a number alone counts bytes."""
    match = re.fullmatch(r"(\d+)([kmgt]?)b?", text)
    return int(match[1]) * 1024 ** " kmgt".index(match[2] or " ")


def seconds_of(text):
    """Seconds of PBS's walltime, or None: 90, 1:30 and 0:01:30 are the same."""
    if not re.fullmatch(r"\d+(:\d\d?){0,2}", text):
        return None
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total


HOST = socket.gethostname()
