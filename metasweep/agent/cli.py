"""The sweep agent for batch jobs: `metasweep agent SWEEP`.

It claims configurations of a W&B sweep and runs them in warm processes, one per core: prepare, run, report.
Standard output is one line, the sweep's name; everything else goes to standard error. The exit codes are in
`metasweep.batch.exit_codes`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from metasweep.agent import display, ending, working
from metasweep.agent.agent import Agent
from metasweep.agent.node import nodecopy, resources
from metasweep.agent.node.walltime import Walltime
from metasweep.agent.options import Options, declare
from metasweep.agent.points import extend
from metasweep.agent.points.missing import Missing, require_grid
from metasweep.agent.progress import ProgressMonitor
from metasweep.agent.runs import preflight, runfiles, unsent
from metasweep.agent.workers import packing, trainers
from metasweep.agent.workers.first import FirstRun
from metasweep.agent.workers.fleet import Fleet
from metasweep.agent.workers.work import Work
from metasweep.batch import job, tally
from metasweep.batch.exit_codes import PREEMPTED
from metasweep.client import account, embedded, proxies, sweep
from metasweep.client.protocol import Client
from metasweep.forks import ways
from metasweep.forks.pool import Pool
from metasweep.forks.services import service
from metasweep.sweeps import is_grid

PATIENCE_SECONDS = 1800.0  # how long a job asks again for a server that does not answer at its start


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@declare
def main(**given: Any) -> None:
    """Work on SWEEP: the name ENTITY/PROJECT/ID of a sweep, or a YAML file to create one from.

    ARGUMENTS after -- go to the program of every run. Exit codes: 0 done or nothing left, 1 a fault, 2 wrong
    usage, 3 stopped by SIGTERM or SIGINT, 4 runs kept failing, or points that failed are still not finished.
    """
    open_standard_files()
    options = Options(**given)
    with tally.explained(os.environ):
        agent = prepare(options)
        working.run(agent)
        ending.report(agent)
    sys.exit(agent.fleet.shared.exit_code)


def open_standard_files() -> None:
    """Open closed standard files (as after `>&-`) on the null device.

    Otherwise another file would get their number.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


def prepare(options: Options) -> Agent:
    """Find the server and the sweep, and start the process that will fork the runs.

    Raises: click.UsageError, click.ClickException.
    """
    for signum in working.SIGNALS:
        signal.signal(signum, lambda *_: sys.exit(PREEMPTED))  # no run has begun yet
    check_mode(os.environ)
    sweep.check_argument(options.sweep)
    if options.copy_to:
        nodecopy.work_from_copy(options.copy_to)
    runfiles.root()
    client = connect(options)
    earlier = extend.read_earlier(client, options.extend)
    if sweep.is_file(options.sweep):
        check_file(Path(options.sweep), options, earlier)
    # Wait for the server: a job that ended at once would lose its place in the queue.
    patience = PATIENCE_SECONDS if job.job_id(os.environ) else 0.0
    found = sweep.open_sweep(client, options.sweep, options.entity, options.project, patience)
    if found.name in [each.name for each in earlier]:
        raise click.UsageError("--extend takes an earlier sweep; what is left of this one runs without it")
    preflight.check(found.config, options.program_arguments)
    missing = left_out_points(client, found, options, earlier)
    screen = introduce(client, found, options)
    agent = make_ready(client, found, missing, screen, options)
    agent.earlier = [str(each.name) for each in earlier]
    return agent


def check_file(path: Path, options: Options, earlier: Sequence[sweep.Sweep]) -> None:
    """Find what would fail in a sweep before it is made from its file.

    Raises: click.UsageError; click.Abort, if the user does not want what has changed.
    """
    config = sweep.read_file(path)
    preflight.check(config, options.program_arguments)
    if options.missing or earlier:
        require_grid(config, str(path))
    if earlier:
        extend.confirm(earlier, config)


def connect(options: Options) -> Client:
    """Return a client of the user's server, or of the embedded one, which is started if it does not run."""
    if options.local:
        os.environ.update(embedded.start_server(options.server_dir))
    os.environ.update(proxies.without_loopback(os.environ))
    client = Client(account.resolve(os.environ, Path.cwd(), f"{account.LOGIN}, or use --local"))
    client.say = lambda text: click.echo(text, err=True)
    return client


def introduce(client: Client, found: sweep.Sweep, options: Options) -> display.Lines:
    """Print which sweep it is and where its page is; return the display for everything else."""
    screen = display.open_display()
    client.say = screen.say
    name = found.name
    display.announce(screen, str(name))
    page = account.page_address(client.account.base_url, name.entity, name.project, "sweeps", name.id)
    screen.say(f"its page: {page}")
    if options.open:
        click.launch(page)
    return screen


def make_ready(
    client: Client, found: sweep.Sweep, missing: Missing | None, screen: display.Lines, options: Options
) -> Agent:
    """Start the process that will fork the runs, and create everything that works on the sweep."""
    cores = resources.cores(os.environ)
    threads = resources.thread_environment(cores, options.workers or cores)
    set_environment(found, threads, client.is_embedded)
    folder = runfiles.make_folder(found.name.id)
    unsent.note_command(folder.parent, os.environ)
    program = runfiles.program_of(found.config, options.program_arguments, {})
    trainers.check(program, options.members)
    choice = ways.choose(program, options.cold)
    screen.say(choice.reason)
    time_left = options.walltime or job.time_left(os.environ)
    if time_left is None and job.job_id(os.environ):
        screen.say("the batch system does not say how long this job may run; --walltime would")
    walltime = Walltime(time_left)
    monitor = ProgressMonitor(client, found, screen.progress_seconds, walltime)
    shares = packing.share(job.gpus(os.environ), options.gpus_per_run)
    work = Work(
        client,
        found,
        Pool(program, choice, os.environ, folder / "forkserver.log", screen.say),
        options=options,
        walltime=walltime,
        missing=missing,
        monitor=monitor,
        gpus=shares,
        report=screen.say,
    )
    together = None
    if options.members:
        number = options.workers or len(shares) or (1 if packing.ask_gpu(os.environ) else cores)
        together = trainers.Trainers(work, program.name, number, options.members, folder)
    fleet = Fleet(work, together)
    return Agent(options, fleet, monitor, screen, together, FirstRun(fleet), cores)


def check_mode(environ: Mapping[str, str]) -> None:
    """Refuse a wandb mode that keeps runs from the server. Raises: click.UsageError."""
    mode = environ.get("WANDB_MODE", "online")
    if mode not in ("online", "shared", ""):
        raise click.UsageError(
            f"WANDB_MODE={mode} keeps the runs from the server, which would offer them again: unset it"
        )


def left_out_points(
    client: Client, found: sweep.Sweep, options: Options, earlier: Sequence[sweep.Sweep]
) -> Missing | None:
    """Return what hands out points once the server has no more: missing points, or only failed ones."""
    if earlier:
        finished = extend.finished_points(client, earlier, found.config)
        left = Missing(client, found, elsewhere=finished)
        names = " ".join(str(each.name) for each in earlier)
        client.say(f"finished already, in {names}: {len(finished)} of its points")
        client.say(f"to read them together: metasweep status {names} {found.name}{options.place}")
        return left
    if options.missing:
        return Missing(client, found)
    if is_grid(found.config) and not client.is_embedded and options.max_attempts > 1:
        return Missing(client, found, options.max_attempts)
    return None


def set_environment(found: sweep.Sweep, threads: Mapping[str, str], is_embedded: bool) -> None:
    """Set the environment of the runs."""
    os.environ.update(threads)
    os.environ.update(
        WANDB_ENTITY=found.name.entity, WANDB_PROJECT=found.name.project, WANDB_SWEEP_ID=found.name.id
    )
    os.environ.setdefault("WANDB_DIR", str(Path.cwd()))
    # it would lead to the service of the program that started this agent, which may end first
    os.environ.pop(service.VARIABLE, None)
    for name, value in runfiles.settings(is_embedded).items():
        os.environ.setdefault(name, value)


if __name__ == "__main__":
    main()
