"""A sweep with a killer: `python -m tests.agent.chaos --blows 200`, which is `make chaos`.

Agents run as jobs of a batch system, each in a session of its own, and are started again when they have
ended. The killer strikes workers, agents, whole jobs, the server, the network and the disk, a given number of
times. At the end every point has one finished run in the results, every finished run has all its rows, and no
process is left.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import wandb

from tests.agent.disk import full, small_disk
from tests.agent.network import Network
from tests.agent.processes import (
    MARK,
    children,
    left_over,
    session,
)
from tests.cloud.faults import Faults
from tests.cloud.proxy import Cloud, serve
from tests.conftest import ROOT, ServerProcess, make_server

LEASE = 5  # seconds without a heartbeat after which a run is crashed
SERVER_OPTIONS = ("--lease", str(LEASE), "--max-attempts", "1000")
ROWS = 12
HELD = "held"  # while this file exists, the last points do not end
PROGRAM = f"""
import pathlib, sys, time, wandb
with wandb.init(resume="allow") as run:
    for step in range({ROWS}):
        if step >= run.starting_step:
            run.log({{"score": step}}, step=step)
        time.sleep(0.03)
    while pathlib.Path("{HELD}" + sys.argv[1]).exists():
        time.sleep(0.05)
"""


@dataclass(frozen=True)
class Work:
    """What the sweep runs, and the steps at which each of its runs logs a row."""

    command: list[str]
    parameters: dict[str, dict[str, object]]
    steps: list[int]
    agent_options: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    """Arguments of runs that may not end before the last strike."""


def tiny(points: int) -> Work:
    """Runs that log and sleep."""
    held = (f"--x={points - 1}", f"--x={points - 2}")
    command = ["${env}", "python", "program.py", "${args}"]
    return Work(command, {"x": {"values": list(range(points))}}, list(range(ROWS)), held=held)


def training(points: int) -> Work:
    """Runs of the training program, with checkpoints."""
    values = {"dataset": "digits", "model": "dense", "epochs": 8, "batch_size": 64}
    parameters: dict[str, dict[str, object]] = {name: {"value": value} for name, value in values.items()}
    parameters["seed"] = {"values": list(range(1, points + 1))}
    command = ["${env}", "python", "-m", "train", "${args}"]
    steps = [21 * epoch for epoch in range(1, 9)]  # 1294 images in batches of 64, less than 50 to an epoch
    return Work(command, parameters, steps, ("--checkpoint-dir", "checkpoints"))


@dataclass
class Jobs:
    """The batch system: keeps agents running until nothing is left to do."""

    folder: Path
    environ: dict[str, str]
    command: list[str]
    number: int
    agents: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    ends: Counter[int] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self) -> None:
        """Start missing agents. An agent that ended with 0 is not started again."""
        with self.lock:
            for place in range(self.number):
                agent = self.agents.get(place)
                if agent and agent.poll() is not None:
                    self.ends[agent.returncode] += 1
                if agent is None or agent.returncode not in (None, 0):
                    self.agents[place] = self._start(place)

    def _start(self, place: int) -> subprocess.Popen[bytes]:
        with (self.folder / f"agent-{place}.log").open("ab") as log:
            return subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def living(self) -> list[int]:
        """The agents' process ids, which are also those of their sessions."""
        return [agent.pid for agent in self.agents.values() if agent.poll() is None]


class Killer:
    """Strikes at random, by a seed."""

    def __init__(
        self, seed: int, jobs: Jobs, server: ServerProcess, network: Network, disk: Path | None
    ) -> None:
        self.random = random.Random(seed)
        self.jobs, self.server, self.network, self.disk = jobs, server, network, disk
        self.struck: Counter[str] = Counter()
        self._blows: list[tuple[int, str, Callable[[], bool]]] = [
            (6, "workers killed", self._kill_worker),
            (3, "agents killed", self._kill_agent),
            (2, "jobs killed", self._kill_job),
            (2, "jobs told to stop", self._end_job),
            (1, "forkservers killed", self._kill_forkserver),
            (3, "processes paused", self._pause),
            (1, "jobs paused beyond the lease", self._pause_job),
            (3, "server killed", self._kill_server),
            (1, "server paused", self._pause_server),
            (2, "network cut", self._cut),
            (1, "network silent", self._silence),
            (1 if disk else 0, "disk full", self._fill),
        ]

    def strike(self) -> bool:
        """Strike once; return whether anything was hit."""
        weights = [weight for weight, _, _ in self._blows]
        _, name, blow = self.random.choices(self._blows, weights)[0]
        hit = blow()
        self.struck[name] += hit
        return hit

    def _pick(self, pids: list[int]) -> int | None:
        return self.random.choice(pids) if pids else None

    def _agent(self) -> int | None:
        return self._pick(self.jobs.living)

    def _workers(self) -> list[int]:
        forkservers = [pid for agent in self.jobs.living for pid in children(agent)]
        return [pid for forkserver in forkservers for pid in children(forkserver)]

    def _kill_worker(self) -> bool:  # or the owner of the wandb service, which looks the same
        return self._send(signal.SIGKILL, self._pick(self._workers()))

    def _kill_agent(self) -> bool:
        return self._send(signal.SIGKILL, self._agent())

    def _kill_forkserver(self) -> bool:
        agent = self._agent()
        return self._send(signal.SIGKILL, self._pick(children(agent)) if agent else None)

    def _kill_job(self) -> bool:
        return self._send_job(signal.SIGKILL, self._agent())

    def _end_job(self) -> bool:
        return self._send_job(signal.SIGTERM, self._agent())

    def _pause(self) -> bool:
        pid = self._pick(self._workers() + self.jobs.living)
        if not self._send(signal.SIGSTOP, pid):
            return False
        time.sleep(self.random.uniform(0.1, 1.5))
        return self._send(signal.SIGCONT, pid)

    def _pause_job(self) -> bool:
        agent = self._agent()
        if not self._send_job(signal.SIGSTOP, agent):
            return False
        time.sleep(LEASE + self.random.uniform(0, 3))
        return self._send_job(signal.SIGCONT, agent)

    def _kill_server(self) -> bool:
        self.server.kill()
        time.sleep(self.random.choice([0, 0, 1, 3]))
        self.server.start()
        return True

    def _pause_server(self) -> bool:
        assert self.server.process
        self._send(signal.SIGSTOP, self.server.process.pid)
        time.sleep(self.random.uniform(0.1, 2))
        return self._send(signal.SIGCONT, self.server.process.pid)

    def _cut(self) -> bool:
        self.network.cut(self.random.choice([0, 1, 4]))
        return True

    def _silence(self) -> bool:
        self.network.silence(self.random.choice([1, LEASE + 2]))
        return True

    def _fill(self) -> bool:
        assert self.disk
        with full(self.disk):
            time.sleep(self.random.uniform(0.5, 4))
        return True

    def _send(self, signum: signal.Signals, pid: int | None) -> bool:
        try:
            if pid:
                os.kill(pid, signum)
        except ProcessLookupError:
            return False
        return pid is not None

    def _send_job(self, signum: signal.Signals, agent: int | None) -> bool:
        hits = [self._send(signum, pid) for pid in session(agent)] if agent else []
        return any(hits)


@contextmanager
def seen_from(network: Network, seed: int, far: bool) -> Iterator[str]:
    """The address at which agents find the server: through the network and, if it is `far`, the cloud."""
    if not far:
        yield network.url
        return
    faults = Faults(seed, busy=0.01, reset=0.02, lost=0.03)
    with serve(Cloud(network.url, round_trip=0.05, faults=faults, has_memory=False)) as cloud:
        yield cloud.url


@contextmanager
def jobs_for(server: ServerProcess, address: str, work: Work, agents: int) -> Iterator[tuple[Jobs, str]]:
    """Create the sweep and start its jobs. None of them is left at the end."""
    folder = server.home / "work"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    environ = server.env | {"WANDB_BASE_URL": address, "WANDB_DIR": str(folder), MARK: str(folder)}
    environ["WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL"] = "1"  # within the lease, also far from the server
    config = {"method": "grid", "parameters": work.parameters, "command": work.command}
    api = wandb.Api({"base_url": server.url}, api_key=server.key)
    identifier = wandb.sweep(config, entity=api.default_entity, project="chaos")
    name = f"{api.default_entity}/chaos/{identifier}"
    command = [sys.executable, str(ROOT / "agent.py"), name, "--workers", "2", "--max-failures", "0"]
    jobs = Jobs(folder, environ, [*command, *work.agent_options], agents)
    try:
        yield jobs, name
    finally:
        for agent in jobs.living:
            for pid in session(agent):
                os.kill(pid, signal.SIGKILL)


def survive(
    server: ServerProcess,
    work: Work,
    blows: int,
    seed: int,
    seconds: float,
    disk: Path | None,
    far: bool = False,
) -> Counter[str]:
    """Run the sweep under that many strikes; return what was survived. `disk` has all files, and gets filled.

    With `far`, the agents reach the server through the tests' cloud, which fails too.

    Raises AssertionError if the sweep did not end within `seconds`, or not correctly.
    """
    deadline = time.monotonic() + seconds
    with (
        contextlib.closing(Network(lambda: server.port)) as network,
        seen_from(network, seed, far) as address,
        jobs_for(server, address, work, agents=4 if far else 2) as (jobs, name),
    ):
        killer = Killer(seed, jobs, server, network, disk)
        holds = [jobs.folder / f"{HELD}{arguments}" for arguments in work.held]
        for path in holds:
            path.touch()
        jobs.keep()
        strike_until_spent(killer, jobs, blows, deadline)
        assert killer.struck.total() == blows, f"the sweep or its time ended at {killer.struck.total()} blows"
        for path in holds:
            path.unlink()
        while jobs.living and time.monotonic() < deadline:
            time.sleep(0.2)
            jobs.keep()
        assert not jobs.living, f"not done after {seconds:g} s: {killer.struck}; {status(server, name)}"
        assert not left_over(jobs.environ[MARK])
        repeated = check(server, name, work)
        killer.struck["points finished again by a run that was given up, which the results leave out"] = (
            repeated
        )
        killer.struck.update({f"agents ended with {code}": n for code, n in jobs.ends.items() if code > 0})
        return killer.struck


def strike_until_spent(killer: Killer, jobs: Jobs, blows: int, deadline: float) -> None:
    """Strike from time to time while the sweep lasts."""
    while sum(killer.struck.values()) < blows and time.monotonic() < deadline:
        time.sleep(killer.random.uniform(0.1, 1.2))
        jobs.keep()
        if not jobs.living:
            return
        killer.strike()


def status(server: ServerProcess, name: str, *options: str) -> str:
    """Exit code and words of the analysis' status of the sweep."""
    done = server.run(sys.executable, "-m", "analysis", "status", name, *options)
    return f"{done.returncode}: {done.stdout or done.stderr}"


def check(server: ServerProcess, name: str, work: Work) -> int:
    """Check that each point has one finished run by the analysis' count, and each finished run all its rows.

    Returns how many more runs have finished: a run without heartbeats is taken for crashed, but may still be
    alive.
    """
    said = status(server, name, "--format", "json")
    assert said.startswith("0: "), said
    api = wandb.Api({"base_url": server.url}, api_key=server.key)
    for run in api.runs(name.rpartition("/")[0], {"state": "finished"}):
        steps = [row["_step"] for row in run.scan_history()]
        assert steps == work.steps, f"run {run.id} has rows at {steps}"
    return int(json.loads(said.removeprefix("0: "))["rows"][0]["duplicated"])


@click.command()
@click.option("--blows", default=200, show_default=True)
@click.option("--seed", type=int, help="Default: a new one, which is printed.")
@click.option("--minutes", default=25.0, show_default=True, help="How long it may take.")
@click.option("--tiny", "use_tiny", is_flag=True, help="Runs of a tiny program instead of trainings.")
@click.option("--cloud", "far", is_flag=True, help="Through a cloud that is far away and loses answers.")
def main(blows: int, seed: int | None, minutes: float, use_tiny: bool, far: bool) -> None:
    """Run a sweep that has to survive a killer."""
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    click.echo(f"seed {seed}")
    os.environ["WANDB_SILENT"] = "true"
    with small_disk() as disk:
        if disk is None:
            click.echo("the disk is not filled: only root may mount a small one")
        for server in make_server(*SERVER_OPTIONS, parent=disk):
            os.environ.update(server.env)
            work = (tiny if use_tiny else training)(4 * blows)
            survived = survive(server, work, blows, seed, 60 * minutes, disk, far)
    for what, number in survived.most_common():
        click.echo(f"{number:5} {what}")


if __name__ == "__main__":
    main()
