"""Scheduler and node in one, for one job: runs its members as processes until all have ended."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import site_model as site

TICK = 0.02
LATE_SECONDS = 22  # PBS notices a walltime late: one of 245 s at 267 s
LAG_SECONDS = 10  # what PBS says is used is that old
OVER_MEMORY, AT_WALLTIME, DELETED = -27, -29, 256 + signal.SIGTERM
DELETED_BEFORE_START = 1  # of a queued member of an array, though it never ran
MEMORY_SECONDS = 0.2
PAGE = os.sysconf("SC_PAGE_SIZE")


class Member:
    """One member of an array, or a plain job, on its node."""

    def __init__(self, job, index, record, of_site):
        self.site = of_site
        self.job, self.index, self.record = job, index, record
        self.process = None
        self.kill_at = None
        self.status = None
        self.look_again = 0.0

    @property
    def id(self):
        member = f"[{self.index}]" if self.job["array"] else ""
        return f"{self.job['number']}{member}.{site.SERVER}"

    def start(self, node):
        """Run the script in a session of its own, with PBS's environment and nothing of the submitter's."""
        self.record.update(state="R", node=node, stime=time.time(), run_count=self.record["run_count"] + 1)
        self.kill_at = self.status = None
        script = site.ROOT / "spool" / f"{self.id}.SC"
        script.parent.mkdir(exist_ok=True)
        script.write_text(self.job["script"])
        script.chmod(0o700)
        self.process = subprocess.Popen(
            ["/bin/bash", str(script)],
            stdin=subprocess.DEVNULL,
            stdout=self.output("OU"),
            stderr=subprocess.STDOUT if self.job["joined"] else self.output("ER"),
            env=self.environment(node),
            cwd=self.job["home"],
            umask=0o077,
            start_new_session=True,
        )
        with (site.ROOT / "sessions").open("a") as file:
            print(self.process.pid, file=file)

    def output(self, stream):
        """The file to write to: the final one when it is live, else one in the node's spool."""
        target = self.target(stream) if self.job["live"] else None
        if target is None or not target.parent.is_dir():
            target = self.spooled(stream)
        return target.open("ab")

    def spooled(self, stream):
        return site.ROOT / "spool" / f"{self.id}.{stream}"

    def target(self, stream):
        """Where the output belongs: a path that is a folder gets a file named after the job's id."""
        place = self.job["output" if stream == "OU" else "errors"]
        if not place:
            member = f".{self.index}" if self.job["array"] else ""
            letter = "o" if stream == "OU" else "e"
            return Path(self.job["workdir"]) / f"{self.job['name']}.{letter}{self.job['number']}{member}"
        path = Path(self.job["workdir"]) / place.replace("^array_index^", str(self.index))
        return path / f"{self.id}.{stream}" if place.endswith("/") or path.is_dir() else path

    def environment(self, node):
        job = self.job
        temporary = site.ROOT / "tmp" / f"pbs.{self.id}"
        temporary.mkdir(parents=True, exist_ok=True)
        nodes = site.ROOT / "spool" / f"{self.id}.nodes"
        nodes.write_text(f"{node}\n")
        cpus = job["chunk"].get("ncpus", "1")
        given = {
            "HOME": job["home"],
            "USER": job["user"],
            "LOGNAME": job["user"],
            "SHELL": "/bin/bash",
            "PATH": f"{Path(__file__).parent / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "FAKEPBS": str(site.ROOT),
            "PBS_ENVIRONMENT": "PBS_BATCH",
            "PBS_JOBID": self.id,
            "PBS_JOBNAME": job["name"],
            "PBS_QUEUE": job["queue"],
            "PBS_NODEFILE": str(nodes),
            "PBS_O_WORKDIR": job["workdir"],
            "PBS_O_HOST": site.HOST,
            "NCPUS": cpus,
            "OMP_NUM_THREADS": cpus,
            "TMPDIR": str(temporary),
        }
        if job["array"]:
            given["PBS_ARRAY_ID"] = f"{job['number']}[].{site.SERVER}"
            given["PBS_ARRAY_INDEX"] = str(self.index)
        if any(name.startswith("scratch") for name in job["chunk"]):
            scratch = site.ROOT / "scratch" / f"job_{self.id}"
            scratch.mkdir(parents=True, exist_ok=True)
            given["SCRATCHDIR"] = str(scratch)
        if "ngpus" in job["chunk"]:
            given["CUDA_VISIBLE_DEVICES"] = ",".join(f"GPU-{n}" for n in range(int(job["chunk"]["ngpus"])))
        return {**given, **job["variables"]}

    def look(self, now, second):
        """Enforce the walltime and the end of the grace; note the end."""
        limit = site.seconds_of(self.job["resources"]["walltime"])
        passed = (now - self.record["stime"]) / second
        self.record["used"] = time.strftime("%H:%M:%S", time.gmtime(max(0, passed - LAG_SECONDS)))
        if self.status is None and passed > limit + LATE_SECONDS:
            self.terminate(AT_WALLTIME, now)
        self.look_at_memory(now)
        if self.kill_at and now > self.kill_at:
            signal_session(self.process.pid, signal.SIGKILL)
        code = self.process.poll()
        if code is not None:
            own = code if code >= 0 else 256 - code
            self.end(own if self.status is None else self.status)

    def look_at_memory(self, now):
        """Note what is used, and let nobody have more than was asked for."""
        if now < self.look_again:  # it costs a walk through /proc
            return
        self.look_again = now + MEMORY_SECONDS
        used = resident(self.process.pid)
        most = site.bytes_of(self.job["chunk"].get("mem", "400gb"))
        self.record["mem"] = max(self.record.get("mem", 0), min(sum(used.values()), most) // 1024)
        if sum(used.values()) <= most or self.status is not None:
            return
        if self.site["memory"] == "cgroup":
            os.kill(max(used, key=used.get), signal.SIGKILL)
        elif self.site["memory"] == "mom":
            self.terminate(OVER_MEMORY, now)

    def terminate(self, status, now):
        """SIGTERM to the whole session, SIGKILL later; the job's own exit status is lost."""
        self.status = status
        self.kill_at = now + self.site["grace"] * random.uniform(1, 1.8)
        signal_session(self.process.pid, signal.SIGTERM)

    def end(self, status):
        """What is left of the session dies with the job; what left the session stays."""
        signal_session(self.process.pid, signal.SIGKILL)
        self.record.update(state="X", Exit_status=status)
        self.process = None
        for stream in ("OU", "ER"):
            spooled, target = self.spooled(stream), self.target(stream)
            if spooled.exists() and not self.job["live"] and target.parent.is_dir():
                spooled.rename(target)


def members_of(session):
    """The processes of a session."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                yield int(entry.name)
        except (FileNotFoundError, ProcessLookupError):
            pass


def resident(session):
    """Bytes of memory of every process of a session."""
    found = {}
    for pid in members_of(session):
        with suppress(FileNotFoundError, ProcessLookupError):
            found[pid] = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    return found


def signal_session(session, number):
    """Signal every process of a session."""
    for pid in members_of(session):
        with suppress(ProcessLookupError):
            os.kill(pid, number)


class Mom:
    """Runs the members of one job."""

    def __init__(self, number):
        self.since = time.time()
        self.job = site.read(number)
        self.site = site.settings()
        self.members = {
            index: Member(self.job, int(index), record, self.site)
            for index, record in self.job["members"].items()
        }

    def run(self):
        while any(member.record["state"] in "QR" for member in self.members.values()):
            for path in sorted((site.ROOT / "requests" / self.job["number"]).glob("[!.]*")):
                self.obey(**json.loads(path.read_text()))
                path.unlink()
            self.schedule()
            for member in self.members.values():
                if member.process:
                    member.look(time.time(), self.site["second"])
                    if not member.process:
                        self.job["last_status"] = member.record["Exit_status"]
            self.save()
            time.sleep(TICK)
        for member in self.members.values():
            member.record["state"] = "F"
        self.job["state"] = "F"
        site.write(self.job)

    def save(self):
        before = self.job.get("saved")
        now = json.dumps(self.job["members"]) + self.job.get("comment", "")
        if now != before:
            started = any(record["run_count"] for record in self.job["members"].values())
            self.job["state"] = ("B" if self.job["array"] else "R") if started else "Q"
            site.write(self.job)
            self.job["saved"] = now

    def obey(self, what, index=None, force=False):
        """qdel, or one of the accidents that a test arranges."""
        for member in self.members.values():
            if index is None or member.index == index:
                getattr(self, what)(member, **({"force": force} if what == "delete" else {}))

    def delete(self, member, force):
        if member.process and force:
            member.status = DELETED
            signal_session(member.process.pid, signal.SIGKILL)
        elif member.process and member.status is None:
            member.terminate(DELETED, time.time())
        elif member.record["state"] == "Q":
            member.record["state"] = "X"
            if self.job["array"]:
                member.record["Exit_status"] = DELETED_BEFORE_START

    def node_dies(self, member):
        """Everything on the node is gone at once, and the member starts again elsewhere."""
        signal_session(member.process.pid, signal.SIGKILL)
        member.process.wait()
        self.requeue(member)

    def network_dies(self, member):
        """The processes live on while the member starts elsewhere: two copies."""
        self.requeue(member)

    def requeue(self, member):
        member.process = None
        member.record["state"] = "Q"

    def schedule(self):
        """Start what fits."""
        waiting = [member for member in self.members.values() if member.record["state"] == "Q"]
        looked = time.time() > self.since + self.site["cycle"]
        if not waiting or not looked or self.waits_for_another() or self.can_never_run():
            return
        cpus = int(self.job["chunk"].get("ncpus", 1))
        places = len(self.site["nodes"]) * (self.site["cpus"] // cpus)
        if self.job["limit"] is not None:
            places = min(places, self.job["limit"])
        busy = sum(member.process is not None for member in self.members.values())
        for member in waiting[: max(0, places - busy)]:
            member.start(self.site["nodes"][member.index % len(self.site["nodes"])])

    def waits_for_another(self):
        """afterany waits for every member; afterok looks only at the member that ended last.

        A job whose afterok cannot come true ends, without an exit status.
        """
        after = self.job["after"]
        if after is None:
            return False
        other = site.read(after)
        if other["state"] == "F" and self.job["only_after_ok"] and other.get("last_status") != 0:
            for member in self.members.values():
                member.record["state"] = "X"
            return True
        return other["state"] != "F"

    def can_never_run(self):
        """A request that no node meets stays queued, with a comment."""
        asked, most = int(self.job["chunk"].get("ncpus", 1)), self.site["cpus"]
        if asked > most:
            self.job["comment"] = (
                f"Can Never Run: Insufficient amount of resource: ncpus (R: {asked} A: {most} T: {most})"
            )
        if self.job["chunk"].get("gpu_cap", "compute_70") not in ("compute_70", "sm_70"):
            cap = self.job["chunk"]["gpu_cap"]
            self.job["comment"] = f"Can Never Run: Insufficient amount of resource: gpu_cap ({cap} != sm_70)"
        return "comment" in self.job


if __name__ == "__main__":
    Mom(sys.argv[1]).run()
