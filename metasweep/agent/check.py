"""`metasweep check SWEEP.yaml`: try the first point of a sweep on a temporary server.

The point runs in a plain new process; as the agent would start it, to compare what the two leave behind; and
once more, told to stop half-way and started again, to see whether it goes on from where it was.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from metasweep.agent.node import resources
from metasweep.agent.node.measure import memory_of
from metasweep.agent.runs import preflight, runfiles
from metasweep.agent.runs.log import failure_reason
from metasweep.agent.runs.traces import Traces, differences, recorded_by_wandb, variables_of
from metasweep.agent.working import TERM_SECONDS
from metasweep.batch.need import Need
from metasweep.batch.walltime import clock
from metasweep.client import account, embedded, proxies, sweep
from metasweep.client.protocol import Client
from metasweep.forks import ways
from metasweep.forks.messages import Exited, Start
from metasweep.forks.pool import Pool
from metasweep.forks.services import service
from metasweep.forks.ways import Choice, Way

RUN = """
query CheckedRun($name: String!, $project: String!, $entity: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { state summaryMetrics historyLineCount } }
}"""
ROWS = """
query CheckedRows($name: String!, $project: String!, $entity: String!) {
  project(name: $project, entityName: $entity) { run(name: $name) { history(minStep: 0) } }
}"""
SAMPLE_SECONDS = 0.2
# the most files of the program's folder that are compared
MOST_FILES = 20_000


@dataclass
class CheckedSweep:
    """A sweep on a temporary server, and one of its points."""

    client: Client
    sweep: sweep.Sweep
    args: dict[str, Any]
    extra: tuple[str, ...]

    @property
    def point(self) -> dict[str, Any]:
        """Return the value of each parameter."""
        return {name: entry["value"] for name, entry in self.args.items()}

    def run(self, name: str, choice: Choice, rows: float = math.inf) -> Traces:
        """Run the point. Tell it to stop once it has logged `rows` rows.

        The same name again takes the run up again, as an agent does with a run that was preempted.
        """
        self.client.make_run(self.sweep.name, name, self.args, name)
        start = runfiles.prepare(self.sweep, {"run_id": name, "args": self.args}, self.point, self.extra)
        pool = Pool(start.program, choice, os.environ, Path(start.log).with_name(f"forkserver-{name}.log"))
        before, began, began_at = files_here(), time.monotonic(), time.time()
        seen = watch(pool, start, lambda: self.known(name)["historyLineCount"] >= rows)
        seen.seconds = time.monotonic() - began
        pool.leave(60)
        known = self.known(name)
        seen.state, seen.rows = known["state"], self.logged_since(name, began_at)
        seen.summary = json.loads(known["summaryMetrics"] or "{}")
        seen.recorded = recorded_by_wandb(runfiles.wandb_folder(), name)
        seen.files = {path for path, changed in files_here().items() if before.get(path) != changed}
        return seen

    def known(self, name: str) -> dict[str, Any]:
        """Return what the server knows of a run."""
        return self._ask(RUN, name)

    def logged_since(self, name: str, moment: float) -> int:
        """Return how many rows of a run's history were logged after a moment (Unix time)."""
        rows = map(json.loads, self._ask(ROWS, name)["history"])
        return sum(row.get("_timestamp", 0) >= moment for row in rows)

    def _ask(self, query: str, name: str) -> dict[str, Any]:
        where = {"project": self.sweep.name.project, "entity": self.sweep.name.entity}
        return self.client.execute(query, {"name": name, **where})["project"]["run"]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("path", metavar="SWEEP.yaml", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("extra", metavar="[-- ARGUMENTS...]", nargs=-1, type=click.UNPROCESSED)
def main(path: Path, extra: tuple[str, ...]) -> None:
    """Run the first point of a sweep, and say what to expect of the others.

    Nothing goes to your server: the check starts one of its own in a temporary folder. The program runs three
    times in this folder, the last time with a stop half-way. Exit code 0: the program is ready for its sweep.
    1: it is not; the lines marked with ! say why.
    """
    with checked_sweep(path, extra) as here:
        choice = ways.choose(runfiles.program_of(here.sweep.config, extra, here.point))
        alone = here.run("check-alone", Choice(Way.COLD, ""))
        report(here, "alone", alone)
        if alone.status:
            sys.exit(1)
        ours = here.run("check-ours", choice)
        differing = differences(alone, ours)
        faults = [*judge(here, alone), *differing]
        click.echo(f"  started by the agent: {choice.reason}")
        report(here, "by the agent", ours)
        if not differing:
            values = len(ours.variables) + len(ours.recorded)
            click.echo(f"  the two agree in metrics logged, files written and environment ({values} values)")
        stopped = here.run("check-stopped", choice, rows=math.ceil(ours.rows / 2))
        faults += describe_stop(stopped, ours.rows)
        if stopped.status:
            again = here.run("check-stopped", choice)
            faults += describe_restart(again, ours.rows)
        advise(alone, ours)
    for fault in faults:
        click.echo(f"! {fault}")
    sys.exit(1 if faults else 0)


@contextmanager
def checked_sweep(path: Path, extra: tuple[str, ...]) -> Iterator[CheckedSweep]:
    """Yield the sweep on a temporary server, with a claimed point and the environment set."""
    config = sweep.read_file(path)
    preflight.check(config, extra)
    with tempfile.TemporaryDirectory(prefix="metasweep-check-") as folder:
        data_dir = str(Path(folder) / "server")
        os.environ.update(embedded.start_server(data_dir))
        try:
            os.environ.update(WANDB_DIR=folder, WANDB_PROJECT="check")
            os.environ.pop("WANDB_ENTITY", None)
            os.environ.update(proxies.without_loopback(os.environ))
            os.environ.pop(service.VARIABLE, None)
            client = Client(account.resolve(os.environ, Path.cwd()))
            name = sweep.create(client, config, client.default_entity(), "check")
            found = sweep.read(client, name)
            os.environ.update(WANDB_ENTITY=name.entity, WANDB_SWEEP_ID=name.id)
            os.environ.update(resources.thread_environment(1, 1) | runfiles.settings(True))
            commands = client.claim(client.register_agent(name, "check"), lambda: True)
            claimed = next((command for command in commands if command["type"] == "run"), None)
            if claimed is None:
                raise click.ClickException("the server offers no point of this sweep")
            yield CheckedSweep(client, found, claimed.get("args", {}), extra)
        finally:
            embedded.call("stop", data_dir)


def watch(pool: Pool, start: Start, is_enough: Callable[[], bool]) -> Traces:
    """Start a run and wait for its end. Return what can be seen of its process.

    The run is told to stop as soon as `is_enough()` is true.
    """
    events = pool.start(start)
    seen, told_at = Traces(start.run_id, 0, 0.0, 0.0, start.log), math.inf
    while True:
        try:
            if isinstance(event := events.get(timeout=SAMPLE_SECONDS), Exited):
                seen.status = event.status
                return seen
        except queue.Empty:
            process = pool.group(start.run_id)
            seen.memory = max(seen.memory, memory_of(process))
            seen.variables = variables_of(process, start.run_id) or seen.variables
        if time.monotonic() > told_at + TERM_SECONDS:
            pool.signal(start.run_id, signal.SIGKILL, for_good=False)
        elif told_at == math.inf and is_enough():
            told_at = time.monotonic()
            pool.signal(start.run_id, signal.SIGTERM, for_good=False)


def files_here() -> dict[str, int]:
    """Return the time of the last change of each file here, without those of wandb, git and Python."""
    found: dict[str, int] = {}
    for folder, inner, names in os.walk("."):
        inner[:] = [
            name for name in inner if name not in ("wandb", "__pycache__") and not name.startswith(".")
        ]
        for name in names:
            path = Path(folder, name)
            try:
                found[str(path)] = path.stat().st_mtime_ns
            except OSError:
                continue  # the file has just been removed
        if len(found) > MOST_FILES:
            break
    return found


def report(here: CheckedSweep, how: str, seen: Traces) -> None:
    """Print what a run did."""
    words = f"{how}: {here.sweep.varying(here.point) or 'the only point'}: "
    if seen.status:
        click.echo(f"! {words}{failure_reason(seen.log, seen.status)}")
        click.echo(Path(seen.log).read_text(errors="replace")[-2000:], nl=False)
        return
    named = ", ".join(seen.metrics)
    click.echo(f"  {words}{seen.seconds:.1f} s, {seen.memory:.0f} MiB, {in_words(seen.rows)} of {named}")
    if seen.files:
        click.echo(
            f"  {how}: it wrote {', '.join(sorted(seen.files)[:5])}{' …' if len(seen.files) > 5 else ''}"
        )


def judge(here: CheckedSweep, seen: Traces) -> list[str]:
    """Return the faults that make the program unfit for its sweep."""
    faults = []
    if seen.state != "finished":
        faults.append(
            f"it ended well, but its run is {seen.state or 'unknown'} on the server: see `wandb.init`"
        )
    metric = here.sweep.metric
    if metric and metric.of_run(seen.summary) is None:
        logged = ", ".join(seen.metrics)
        faults.append(f"the sweep's metric {metric.name} was not logged as a number; the run logged {logged}")
    return faults


def in_words(rows: int) -> str:
    """Return a number of rows with its noun."""
    return "1 row" if rows == 1 else f"{rows} rows"


def describe_stop(seen: Traces, rows: int) -> list[str]:
    """Print how a run reacted when it was told to stop; return its faults.

    `rows`: how many rows the point logs without a stop.
    """
    if seen.status == 0 and seen.rows < rows:
        return [
            f"told to stop, it ends with exit code 0 after {seen.rows} of {rows} rows: that counts as "
            "finished; end it with another code"
        ]
    if seen.status == 0:
        click.echo("  told to stop half-way: it had finished before it could be told")
    elif seen.status == -signal.SIGKILL:
        click.echo(f"  told to stop half-way: it did not end within {TERM_SECONDS} s, and was killed")
    else:
        click.echo("  told to stop half-way: it ended, and its run is offered again")
    return []


def describe_restart(seen: Traces, rows: int) -> list[str]:
    """Print whether a stopped run went on when it was started again; return its faults.

    `rows`: how many rows the point logs without a stop. A run that goes on logs fewer, whatever it logs.
    """
    if seen.status:
        return [f"started again after the stop it fails: {failure_reason(seen.log, seen.status)}"]
    if seen.rows < rows:
        click.echo(f"  started again: it went on from where it was ({in_words(seen.rows)} more, of {rows})")
    else:
        done = in_words(seen.rows)
        click.echo(f"  started again: it started from the beginning ({done}): a stop costs all of its work")
    return []


def advise(alone: Traces, ours: Traces) -> None:
    """Print the time and memory to ask a batch system for."""
    need = Need(max(alone.seconds, ours.seconds), max(alone.memory, ours.memory))
    click.echo(f"  per run: allow {clock(need.allowed_seconds)} and {need.allowed_memory} MiB")
