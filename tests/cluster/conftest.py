"""A cluster for the tests: the fake PBS on PATH, and a copy of the project in a folder named with [1]."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests import warm

REPOSITORY = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
KEY = "5ec7e7" * 6 + "abcd"  # 40 characters, found nowhere else: tests look for it where it must not be
SECOND = 0.05  # of the fake PBS, in real seconds
PATIENCE = 240  # seconds; beside other work, a command that starts Python and asks a server takes long


class Cluster:
    """The fake site and a project on its shared storage."""

    def __init__(self, folder):
        self.root = folder / "pbs"
        self.home = folder / "home"
        self.project = folder / "project[1]"
        self.tools = folder / "tools"
        for path in (self.root, self.home, self.tools):
            path.mkdir()
        for name in ("python3", "bash"):  # and no scheduler that this machine may have
            (self.tools / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))
        for package in ("metacentrum", "metasweep"):
            shutil.copytree(
                REPOSITORY / package, self.project / package, ignore=shutil.ignore_patterns("__pycache__")
            )
        shutil.copy(HERE / "stand_in_agent.py", self.project / "agent.py")
        self.site(second=SECOND)
        self.login()
        self.env = {
            "PATH": f"{HERE / 'fakepbs' / 'bin'}:{self.tools}",
            "HOME": str(self.home),
            "USER": "somebody",
            "FAKEPBS": str(self.root),
            "WANDB_BASE_URL": "http://127.0.0.1:9",  # where nothing answers
            "COLUMNS": "200",
        }

    def site(self, **settings):
        """Change what the fake site is like."""
        path = self.root / "site.json"
        before = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**before, **settings}))

    def login(self):
        """Save a key as `wandb login` does."""
        netrc = self.home / ".netrc"
        netrc.write_text(f"machine 127.0.0.1:9\n  login user\n  password {KEY}\n")
        netrc.chmod(0o600)

    def run(self, *arguments, **env):
        """Run a command in the project, as a person at a frontend."""
        return subprocess.run(
            [str(argument) for argument in arguments],
            cwd=self.project,
            env={**self.env, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def qsub(self, *arguments):
        """Submit by hand; the job's id."""
        process = self.run("qsub", *arguments)
        assert process.returncode == 0, process.stderr
        return process.stdout.strip()

    def metacentrum(self, *arguments, **env):
        """Run `python -m metacentrum`."""
        return self.python("-m", "metacentrum", *arguments, **env)

    def metasweep(self, *arguments, **env):
        """Run `metasweep`, as it is installed."""
        return self.python("-m", "metasweep", *arguments, **env)

    def python(self, *arguments, **env):
        """Run Python in the project, in a fork of a process with its imports."""
        return warm.run([*map(str, arguments)], self.project, {**self.env, **env}, PATIENCE)

    def submit(self, *arguments, **env):
        """Submit jobs of the stand-in agent, which ask no server; the folder of their logs."""
        process = self.metacentrum("submit", "me/mnist/abc123", "--no-check", *arguments, **env)
        assert process.returncode == 0, process.stderr
        return Path(process.stdout.splitlines()[0].partition("logs in ")[2])

    def qstat(self, job_id):
        """PBS's records of a job and its members."""
        process = self.run("qstat", "-xft", "-F", "json", job_id)
        return json.loads(process.stdout).get("Jobs", {})

    def wait_for(self, what):
        """Wait until `what()` is true, and return it."""
        deadline = time.monotonic() + PATIENCE
        while not (result := what()):
            assert time.monotonic() < deadline, f"waited in vain; {self.story()}"
            time.sleep(0.02)
        return result

    def wait_for_end(self, job_id):
        """Wait until a job has ended; the records of its members."""

        def ended():
            jobs = self.qstat(job_id)
            return jobs if jobs and all(job["job_state"] == "F" for job in jobs.values()) else None

        jobs = self.wait_for(ended)
        return [job for name, job in jobs.items() if "[]" not in name]

    def witnesses(self, kind="start"):
        """What the stand-in agents have noted."""
        return [
            json.loads(path.read_text())
            for path in sorted(self.project.glob("witness/[!.]*"))
            if path.suffix == f".{kind}"
        ]

    def accident(self, number, what, index=None):
        """Let a node or its network die."""
        folder = self.root / "requests" / number
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{time.monotonic_ns()}"
        part.write_text(json.dumps({"what": what, "index": index}))
        part.rename(folder / part.name[1:])

    def story(self):
        """What there is to read when a test fails."""
        texts = [*self.root.glob("moms.log"), *self.project.glob("logs/*/*.log"), *self.project.glob("*.o*")]
        return "\n".join(f"{path}: {path.read_text()}" for path in texts if path.is_file())

    def processes(self):
        """Ids of the processes that belong to this cluster: moms, and whoever is in a job's session."""
        moms, sessions = (read_numbers(self.root / name) for name in ("moms", "sessions"))
        living = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                fields = path.read_text().rpartition(")")[2].split()
                if fields[0] != "Z":
                    living[int(path.parent.name)] = int(fields[3])
        return [pid for pid, session in living.items() if pid in moms or session in sessions]

    def close(self):
        """End what is still running."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.wait_for(lambda: not self.processes())


def read_numbers(path):
    return {int(line) for line in path.read_text().split()} if path.exists() else set()


@pytest.fixture
def cluster(tmp_path):
    found = Cluster(tmp_path)
    yield found
    found.close()
