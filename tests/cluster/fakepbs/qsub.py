"""qsub: takes what PBS takes, refuses what it refuses, and lies when it does."""

import argparse
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import site_model as site


def main():
    site.check_access("qsub")
    given = parse(sys.argv[1:])
    text = Path(given.script).read_bytes().decode()
    if "\r\n" in text:
        site.fail("qsub", "script contains cr, lf", 1)
    options = parse([*directives(text), *sys.argv[1:]])
    check_name(options.N)
    if options.r == "n" and options.J:
        site.fail("qsub", "Cannot be used with an array job: -r n", 2)
    chunk, resources = read_resources(options.l or [])
    number = next_number()
    job = {
        "number": number,
        "name": options.N or Path(given.script).name[:15],
        "script": text,
        "indices": indices(options.J),
        "limit": limit(options.J),
        "array": options.J is not None,
        "resources": resources,
        "chunk": chunk,
        "variables": variables(options.v),
        "workdir": str(Path.cwd()),
        "output": options.o,
        "errors": options.e,
        "live": options.k == "oed",
        "joined": options.j == "oe",
        "after": None,
        "only_after_ok": False,
        "mail": [options.m, options.M],
        "queue": options.q or "default",
        "arguments": " ".join(sys.argv[1:]),
        "home": os.environ["HOME"],
        "user": os.environ.get("USER", "user"),
        "state": "Q",
        "members": {},
    }
    exists = accepted(job, options.W)
    print(f"{number}{'[]' if job['array'] else ''}.{site.SERVER}")
    if exists:
        start(job)


def check_name(name):
    """-N takes no space and no slash, a letter first, 230 characters."""
    if name is not None and not re.fullmatch(r"[A-Za-z][\w.+\[\]-]{0,229}", name, re.ASCII):
        site.fail("qsub", "illegal -N value", 2)


def parse(arguments):
    parser = Parser(prog="qsub", add_help=False)
    for flag in "NJjkoeqvSrmM":
        parser.add_argument(f"-{flag}")
    for flag in "lW":
        parser.add_argument(f"-{flag}", action="append")
    parser.add_argument("script", nargs="?")
    return parser.parse_args(arguments)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        site.fail("qsub", message, 2)


def directives(text):
    """The options of the #PBS lines, up to the first line that is no comment."""
    for line in text.splitlines():
        if line.startswith("#PBS "):
            yield from shlex.split(line[5:])
        elif line.strip() and not line.startswith("#"):
            return


def indices(text):
    if text is None:
        return [0]
    match = re.fullmatch(r"(\d+)-(\d+)(?::(\d+))?(?:%(\d+))?", text)
    if not match or int(match[1]) >= int(match[2]):
        site.fail("qsub", "illegal -J value", 2)
    return list(range(int(match[1]), int(match[2]) + 1, int(match[3] or 1)))


def limit(text):
    """At most so many at a time; %0 is taken, and then nothing ever runs."""
    return int(text.split("%")[1]) if text and "%" in text else None


def read_resources(lists):
    """The chunk and the job-wide resources."""
    wide = {}
    for item in ",".join(lists).split(","):
        name, _, value = item.partition("=")
        wide[name] = value
    chunk = dict(part.split("=", 1) for part in wide.get("select", "1:ncpus=1").split(":")[1:])
    unknown = (set(wide) | set(chunk)) - site.RESOURCES - {""}
    if unknown:
        site.fail("qsub", f"Unknown resource: {min(unknown)}", 187)
    if site.seconds_of(wide.get("walltime", "1:00:00")) is None:
        site.fail("qsub", "Illegal attribute or resource value Resource_List.walltime", 166)
    return chunk, {"walltime": "24:00:00", **wide}


def variables(text):
    """-v: split at commas, a name alone takes the submitter's value."""
    pairs = (item.partition("=") for item in (text or "").split(",") if item)
    return {name: value if sign else os.environ.get(name, "") for name, sign, value in pairs}


def next_number():
    """A number for a new job, whoever else asks at the same time."""
    folder = site.ROOT / "jobs"
    folder.mkdir(exist_ok=True)
    number = 1000
    while True:
        try:
            (folder / f"{number}.taken").touch(exist_ok=False)
            return str(number)
        except FileExistsError:
            number += 1


def accepted(job, more):
    """Whether the job exists after its id was printed: the routing queue drops some without a message."""
    of_site = site.settings()
    walltime = site.seconds_of(job["resources"]["walltime"])
    if job["queue"] in of_site["denied"]:
        site.fail("qsub", "Access to queue is denied", 174)
    if job["queue"] != "default" and job["queue"] not in of_site["queues"]:
        site.fail("qsub", "Unknown queue", 170)
    for item in more or []:
        if item.startswith("depend="):
            kind, _, other = item.removeprefix("depend=").partition(":")
            job["after"], job["only_after_ok"] = site.number_of(other), kind == "afterok"
            if site.read(job["after"]) is None:
                return False
    if job["queue"] == "default":
        job["queue"] = site.route(walltime, "ngpus" in job["chunk"])
    elif walltime > of_site["queues"][job["queue"]]:
        site.fail("qsub", "Job violates queue and/or server resource limits", 188)
    if job["queue"] is None and of_site["refuses"]:
        site.fail("qsub", "Job violates queue and/or server resource limits", 1)
    return job["queue"] is not None and not of_site["drops"]


def start(job):
    """Record the job and start its mom, which lives until the job has ended."""
    for index in job["indices"]:
        job["members"][str(index)] = {"state": "Q", "run_count": 0}
    site.write(job)
    mom = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("mom.py")), job["number"]],
        stdin=subprocess.DEVNULL,
        stdout=(site.ROOT / "moms.log").open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
        cwd="/",
    )
    with (site.ROOT / "moms").open("a") as file:
        print(mom.pid, file=file)
