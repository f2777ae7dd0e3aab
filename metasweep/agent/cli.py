"""The sweep agent for batch jobs: `python agent.py SWEEP`.

Claims configurations of a W&B sweep and runs them in warm worker processes, one per core. Reads from top to
bottom: options, server, sweep, workers, the wait, the end. Standard output is the sweep's name, one line; all
else is on standard error. Exit codes: 0 done or nothing left, 1 a fault,
2 wrong usage, 3 told to go (SIGTERM, SIGINT), 4 stopped because runs kept failing.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path

import click

from metasweep.agent import (
    display,
    local,
    packing,
    resources,
    runfiles,
    trainers,
)
from metasweep.agent.fleet import (
    GONE_SECONDS,
    PREEMPTED,
    TERM_SECONDS,
    Fleet,
)
from metasweep.agent.missing import Missing
from metasweep.agent.progress import Watch
from metasweep.agent.walltime import Walltime, ask_scheduler, in_batch_job
from metasweep.agent.walltime import parse as parse_time
from metasweep.client import account, sweep
from metasweep.client.protocol import Client
from metasweep.forks import service
from metasweep.forks.pool import Pool

SERVER_DIR = ".metasweep"
FRAME_SECONDS = 0.25
FLUSH_SECONDS = 60.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# A batch system signals the job's shell too, which passes it on, late on a busy node: that is one signal.
TOGETHER_SECONDS = {signal.SIGINT: 0.5, signal.SIGTERM: 2.0, signal.SIGHUP: 2.0}


def read_time(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    """Read the value of --walltime."""
    try:
        return None if text is None else parse_time(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def read_workers(_context: click.Context, _parameter: click.Parameter, text: str) -> int | None:
    """Read the value of --workers; None is auto."""
    if text == "auto":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither a number from 1 nor auto")
    return int(text)


@click.command()
@click.argument("sweep_argument", metavar="SWEEP")
@click.argument("extra", metavar="[-- ARGUMENTS...]", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--workers",
    metavar="N|auto",
    callback=read_workers,
    default="auto",
    show_default=True,
    help="Runs at a time. auto: one per core of this job; on a GPU, those that fit, after the first run.",
)
@click.option(
    "--members",
    type=click.IntRange(1),
    metavar="K",
    help="Train up to K runs of one kind together, in each of --workers processes; for GPUs.",
)
@click.option("--count", type=click.IntRange(1), help="Leave after so many runs.")
@click.option(
    "--walltime", metavar="H:M:S", callback=read_time, help="Leave in time. Default: what PBS or Slurm says."
)
@click.option("--missing", is_flag=True, help="Then run every point of the grid that has no finished run.")
@click.option("--max-failures", default=5, show_default=True, help="Failures in a row to stop at; 0: never.")
@click.option("--data-dir", help="Passed on to the program, as the arguments after -- are.")
@click.option("--checkpoint-dir", help="Shared folder, passed on too: interrupted runs go on from there.")
@click.option("--local", "use_local", is_flag=True, help="Use the embedded server; start it if need be.")
@click.option(
    "--server-dir", default=SERVER_DIR, show_default=True, help="Where the embedded server keeps all."
)
@click.option("--entity", help="Owner of the sweep, where SWEEP does not name it.")
@click.option("--project", help="Project of the sweep, where SWEEP does not name it.")
def main(
    sweep_argument: str,
    extra: tuple[str, ...],
    workers: int | None,
    members: int | None,
    count: int | None,
    walltime: float | None,
    missing: bool,
    max_failures: int,
    data_dir: str | None,
    checkpoint_dir: str | None,
    use_local: bool,
    server_dir: str,
    entity: str | None,
    project: str | None,
) -> None:
    """Work on SWEEP: the name ENTITY/PROJECT/ID of a sweep, or a YAML file to create one from.

    ARGUMENTS after -- go to the program of every run.
    """
    if extra and "--" not in sys.argv:
        raise click.UsageError(f"unexpected argument {extra[0]!r}: what is for the program goes after --")
    for signum in SIGNALS:
        signal.signal(signum, lambda *_: sys.exit(PREEMPTED))  # nothing has begun yet
    sweep.check_argument(sweep_argument)
    folder = runfiles.root()
    if use_local:
        os.environ.update(local.start_server(server_dir))
    client = Client(account.resolve(os.environ, Path.cwd()))
    found = sweep.open_sweep(client, sweep_argument, entity, project)
    time_left = walltime or ask_scheduler(os.environ)
    left_out = Missing(client, found) if missing else None
    screen = display.open_display()
    display.announce(screen, str(found.name))
    if time_left is None and in_batch_job(os.environ):
        screen.say("the batch system does not say how long this job may run; --walltime would")

    cores = resources.cores(os.environ)
    gpu = None if workers else packing.ask_gpu(os.environ)
    os.environ.update(resources.thread_environment(cores, workers or cores))
    os.environ.update(
        WANDB_ENTITY=found.name.entity, WANDB_PROJECT=found.name.project, WANDB_SWEEP_ID=found.name.id
    )
    os.environ.setdefault("WANDB_DIR", str(Path.cwd()))
    os.environ.pop(service.VARIABLE, None)  # of a program that uses wandb, started us, and may end first
    for name, value in runfiles.LOSS.items():
        os.environ.setdefault(name, value)
    passed_on = {"--data-dir": data_dir, "--checkpoint-dir": checkpoint_dir}
    arguments = [f"{name}={value}" for name, value in passed_on.items() if value] + list(extra)

    folder = runfiles.folder(found.name.id)
    folder.mkdir(parents=True, exist_ok=True)
    program = runfiles.program_of(found, arguments, {})
    trainers.check(program, members)
    pool = Pool(program, os.environ, folder / "forkserver.log")
    limit = Walltime(time_left)
    watch = Watch(client, found, screen.progress_seconds, limit)
    watch.ask()
    fleet = Fleet(
        client,
        found,
        pool,
        extra_arguments=arguments,
        count=count,
        max_failures=max_failures,
        walltime=limit,
        missing=left_out,
        watch=watch,
        report=screen.say,
    )
    for signum in SIGNALS:
        signal.signal(signum, lambda signum, _: hear(fleet.told, signal.Signals(signum)))
    if members:
        number = workers or (1 if gpu else cores)
        fleet.trainers = trainers.Trainers(fleet, program.name, number, members, folder)
    set_to_work(fleet, workers, gpu, cores, screen)
    watch.start()
    wait(fleet, watch, screen)

    screen.close()
    if fleet.trainers:
        fleet.trainers.close()
    watch.ask()
    screen.say(f"{display.progress_line(fleet, watch).plain}; {display.tally_line(fleet).plain}")
    if use_local:
        point_to_results(screen, found, server_dir)
    sys.exit(fleet.exit_code)


def set_to_work(
    fleet: Fleet, workers: int | None, gpu: packing.Memory | None, cores: int, screen: display.Lines
) -> None:
    """Start the workers: those that keep the trainers busy, those asked for, what fits, or one per core."""
    if fleet.trainers:
        fleet.work(fleet.trainers.slots)
    elif gpu:
        fleet.work(1)
        packing.Packing(fleet, lambda: packing.ask_gpu(os.environ), gpu, cores, screen.say).start()
    else:
        fleet.work(workers or cores)


def hear(told: list[float], signum: signal.Signals) -> None:
    """Note when a signal came, unless it is the one before by another way."""
    now = time.monotonic()
    if not told or now - told[0] > TOGETHER_SECONDS[signum]:
        told.append(now)


def point_to_results(screen: display.Lines, found: sweep.Sweep, server_dir: str) -> None:
    """Say how to read what the embedded server has, and how to end it."""
    place = "" if server_dir == SERVER_DIR else shlex.quote(server_dir)
    reading = f"--local --server-dir {place}" if place else "--local"
    stopping = f"stop --data-dir {place}" if place else "stop"
    screen.say(f"the results: python -m analysis table {found.name} {reading}")
    screen.say(f"the embedded server stays up; end it with: metasweep server {stopping}")


def wait(fleet: Fleet, watch: Watch, screen: display.Lines) -> None:
    """Wait until the work is done or a signal ends it; on return nothing of it is left."""
    pause, told = threading.Event(), fleet.told
    killed = False
    while fleet.is_working:
        screen.refresh(fleet, watch)
        pause.wait(FRAME_SECONDS)
        if told and not fleet.interrupted:
            fleet.interrupt()
        gone = time.monotonic() - told[0] if told else 0.0
        if gone > TERM_SECONDS and not killed:
            killed = True
            fleet.kill()
        if len(told) > 1 or gone > GONE_SECONDS - 1:
            break
    fleet.stop.set()
    if len(told) > 1:
        fleet.pool.kill()
        return
    left = GONE_SECONDS - (time.monotonic() - told[0]) if told else FLUSH_SECONDS
    if not fleet.pool.leave(left):
        screen.say(f"not everything could be sent: `wandb sync` sends what is in {runfiles.root()}")


if __name__ == "__main__":
    main()
