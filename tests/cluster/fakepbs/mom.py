"""Scheduler and node in one, for one job: runs its members as processes until all have ended."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import site_model as site

TICK = 0.02
LATE_SECONDS = 2  # PBS notices a walltime late
AT_WALLTIME, DELETED = -29, 256 + signal.SIGTERM


class Member:
    """One member of an array, or a plain job, on its node."""

    def __init__(self, job, index, record, grace):
        self.grace = grace
        self.job, self.index, self.record = job, index, record
        self.process = None
        self.kill_at = None
        self.status = None

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
            stdout=self.output(),
            stderr=subprocess.STDOUT,
            env=self.environment(node),
            cwd=self.job["home"],
            umask=0o077,
            start_new_session=True,
        )
        with (site.ROOT / "sessions").open("a") as file:
            print(self.process.pid, file=file)

    def output(self):
        """The file to write to: the final one when it is live, else one in the spool."""
        target = self.target() if self.job["live"] else None
        if target is None or not target.parent.is_dir():
            target = site.ROOT / "spool" / f"{self.id}.OU"
        return target.open("ab")

    def target(self):
        """Where the output belongs."""
        member = f".{self.index}" if self.job["array"] else ""
        name = f"{self.job['name']}.o{self.job['number']}{member}"
        place = self.job["output"]
        if not place:
            return Path(self.job["workdir"]) / name
        place = place.replace("^array_index^", str(self.index))
        return Path(place) / name if place.endswith("/") else Path(place)

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
        if self.status is None and now > self.record["stime"] + (limit + LATE_SECONDS) * second:
            self.terminate(AT_WALLTIME, now)
        if self.kill_at and now > self.kill_at:
            signal_session(self.process.pid, signal.SIGKILL)
        code = self.process.poll()
        if code is not None:
            own = code if code >= 0 else 256 - code
            self.end(own if self.status is None else self.status)

    def terminate(self, status, now):
        """SIGTERM to the whole session, SIGKILL later; the job's own exit status is lost."""
        self.status = status
        self.kill_at = now + self.grace
        signal_session(self.process.pid, signal.SIGTERM)

    def end(self, status):
        """What is left of the session dies with the job; what left the session stays."""
        signal_session(self.process.pid, signal.SIGKILL)
        self.record.update(state="X", Exit_status=status)
        self.process = None
        spooled = site.ROOT / "spool" / f"{self.id}.OU"
        if spooled.exists() and not self.job["live"] and self.target().parent.is_dir():
            spooled.rename(self.target())


def signal_session(session, number):
    """Signal every process of a session."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                os.kill(int(entry.name), number)
        except (FileNotFoundError, ProcessLookupError):
            pass


class Mom:
    """Runs the members of one job."""

    def __init__(self, number):
        self.job = site.read(number)
        self.site = site.settings()
        self.members = {
            index: Member(self.job, int(index), record, self.site["grace"])
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
        if not waiting or self.waits_for_another() or self.can_never_run():
            return
        cpus = int(self.job["chunk"].get("ncpus", 1))
        places = len(self.site["nodes"]) * (self.site["cpus"] // cpus)
        if self.job["limit"] is not None:
            places = min(places, self.job["limit"])
        busy = sum(member.process is not None for member in self.members.values())
        for member in waiting[: max(0, places - busy)]:
            member.start(self.site["nodes"][member.index % len(self.site["nodes"])])

    def waits_for_another(self):
        after = self.job["after"]
        return after is not None and site.read(after)["state"] != "F"

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
