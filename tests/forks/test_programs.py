"""Programs of many kinds leave the same behind in a process of their own and in the processes that we start.

Random draws differ from run to run in both; everything else is equal: exit codes, files, output, runs.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import wandb

from metasweep.forks.messages import Start
from metasweep.forks.pool import Pool
from metasweep.forks.processes.program import parse
from metasweep.forks.ways import Way, choose
from tests import service
from tests.conftest import ServerProcess
from tests.waiting import wait_until

PROGRAMS = Path(__file__).parents[1] / "programs"
LIGHT = sorted(path.stem for path in (PROGRAMS / "light").glob("[a-z]*.py"))
PATIENCE = 240  # seconds
SHARED_BY_FORKS = {"modules", "hashes", "vendored", "shadowing", "environment"}
"""What a program that asks to be forked has in common with the others: its imports, and so their settings."""
TRACEBACKS = {"failing", "failing_hook", "failing_run", "failing_syntax", "hook", "interrupted"}
OTHERWISE_AS_MODULE = TRACEBACKS | {"from_outside", "identity", "variables"}
"""What leaves something else behind when it is started with `python -m`."""


@dataclass
class Observed:
    """What a program has left behind."""

    status: int
    files: dict[str, str]
    random: dict[str, str]
    output: str
    run: dict[str, Any]


@dataclass
class Bench:
    """Where programs are tried."""

    folder: Path
    environ: dict[str, str]
    seen_alone: dict[tuple[str, str], Observed] = dataclasses.field(default_factory=dict)

    def command(self, name: str, module: bool) -> list[str]:
        """Return the command line of a program."""
        return [sys.executable, *(["-m", f"light.{name}"] if module else [f"light/{name}.py"]), "--x=1"]

    def prepare(self, name: str, label: str) -> tuple[dict[str, str], Path]:
        """Return what a program finds in its environment beside the rest, and where its output goes."""
        out = self.folder / f"{name}-{label}"
        out.mkdir()
        return {"OUT": str(out), "WANDB_RUN_ID": out.name}, self.folder / f"{out.name}.log"

    def alone(self, name: str, module: bool) -> Observed:
        """Run a program in a process of its own; once, if both ways to start it leave the same behind."""
        label = "module" if module and name in OTHERWISE_AS_MODULE else "alone"
        if (name, label) not in self.seen_alone:
            self.seen_alone[name, label] = self.start_alone(name, label)
        return self.seen_alone[name, label]

    def start_alone(self, name: str, label: str) -> Observed:
        """Run a program in a process of its own."""
        environ, log = self.prepare(name, label)
        with log.open("ab") as output:
            done = subprocess.run(
                self.command(name, module=label == "module"),
                cwd=PROGRAMS,
                env=self.environ | environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=PATIENCE,
                check=False,
            )
        return self.observe(name, label, done.returncode)

    def ours(self, pool: Pool, name: str, label: str, module: bool) -> Observed:
        """Run a program in a process of a pool."""
        environ, log = self.prepare(name, label)
        start = Start(environ["WANDB_RUN_ID"], parse(self.command(name, module)), environ, str(log))
        return self.observe(name, label, pool.start(start).get(timeout=PATIENCE).status)

    def observe(self, name: str, label: str, status: int) -> Observed:
        """Collect what a program has left behind."""
        out = self.folder / f"{name}-{label}"
        if name == "background":
            wait_until((out / "copied").exists, PATIENCE)
        text = {path.name: path.read_bytes().decode("latin-1") for path in out.rglob("*") if path.is_file()}
        text = {key: value.replace(out.name, "RUN") for key, value in text.items()}
        lines = (self.folder / f"{out.name}.log").read_bytes().decode("latin-1").replace(out.name, "RUN")
        output = "".join(line for line in lines.splitlines(keepends=True) if "wandb: " not in line)
        is_random = re.compile(r"random|hash").match
        return Observed(
            status,
            {key: value for key, value in text.items() if not is_random(key)},
            {key: value for key, value in text.items() if is_random(key)},
            re.sub(r"0x[0-9a-f]+|pid \d+|line \d+ in <module>", "…", output),
            self.run(out.name),
        )

    def run(self, run_id: str) -> dict[str, Any]:
        """Return what the server knows of a run; empty if it does not know it."""
        try:
            run = wandb.Api().run(f"programs/{run_id}")
        except (wandb.errors.CommError, ValueError):
            return {}
        own = {key: value for key, value in run.summary._json_dict.items() if not key.startswith("_")}
        history = [{k: v for k, v in row.items() if not k.startswith("_")} for row in run.scan_history()]
        return {"state": run.state, "summary": own, "history": history, "config": run.config}


@pytest.fixture(scope="module")
def bench(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A folder for what programs leave behind, and a server for their runs."""
    folder = tmp_path_factory.mktemp("programs")
    environ = server.env | {"WANDB_PROJECT": "programs", "WANDB_DIR": str(folder), "PYTHONPATH": ""}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        yield Bench(folder, environ)
    service.leave()


def make_pool(bench: Bench, way: Way) -> Iterator[Pool]:
    """A pool that starts programs in the folder where they are."""
    program = parse(bench.command("state", module=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(PROGRAMS)
        choice = dataclasses.replace(choose(program), way=way)
        assert choice.imports == ("light",)
        pool = Pool(program, choice, bench.environ, bench.folder / f"{way.value}.log")
        yield pool
        pool.leave(60)


@pytest.fixture(scope="module")
def ahead(bench: Bench) -> Iterator[Pool]:
    """Processes started ahead of their runs."""
    yield from make_pool(bench, Way.AHEAD)


@pytest.fixture(scope="module")
def forks(bench: Bench) -> Iterator[Pool]:
    """Processes forked from one that has imported the programs' package."""
    yield from make_pool(bench, Way.FORK)


@pytest.mark.parametrize("name", LIGHT)
def test_a_new_process_started_ahead(bench: Bench, ahead: Pool, name: str) -> None:
    compare(bench.alone(name, module=False), bench.ours(ahead, name, "ahead", module=False))


@pytest.mark.parametrize("name", sorted(set(LIGHT) - SHARED_BY_FORKS))
def test_a_fork_of_a_program_that_asks_for_it(bench: Bench, forks: Pool, name: str) -> None:
    compare(bench.alone(name, module=True), bench.ours(forks, name, "fork", module=True))


def compare(alone: Observed, ours: Observed) -> None:
    """Everything is equal, but what is drawn, which is not."""
    assert ours.status == alone.status, ours.output
    assert ours.files == alone.files
    assert ours.output == alone.output
    if not ours.run or ours.run["state"] != "failed" or alone.run["state"] == "failed":
        assert ours.run == alone.run  # the server hears of a run that died without a word from us alone
    assert ours.random.keys() == alone.random.keys()
    for key, value in ours.random.items():
        assert value != alone.random[key]


@pytest.mark.parametrize("way", ["ahead", "forks"])
def test_what_is_drawn_differs_from_run_to_run(
    bench: Bench, way: str, request: pytest.FixtureRequest
) -> None:
    pool = request.getfixturevalue(way)
    runs = [bench.ours(pool, "random_draws", f"{way}-{i}", module=way == "forks") for i in range(3)]
    draws = [json.loads(run.random["random.json"]) for run in runs]
    for name in draws[0]:
        assert len({str(draw[name]) for draw in draws}) == 3, name
