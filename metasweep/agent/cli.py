"""The sweep agent for batch jobs: `metasweep agent SWEEP`.

It claims configurations of a W&B sweep and runs them in warm processes, one per core: prepare, run, report.
Standard output is one line, the sweep's name; everything else goes to standard error. The exit codes are in
`metasweep.batch.exit_codes`.
"""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from metasweep.agent import display
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
from metasweep.agent.workers.work import Outcome, Work
from metasweep.batch import job, tally
from metasweep.batch.exit_codes import FAILING, PREEMPTED
from metasweep.client import account, embedded, proxies, sweep, sync
from metasweep.client.protocol import Client
from metasweep.client.transport import Refused, Unreachable
from metasweep.forks import ways
from metasweep.forks.pool import Pool
from metasweep.forks.services import service

FRAME_SECONDS = 0.25
TALLY_SECONDS = 5.0  # between two notes for `jobs`, on shared storage
MOST_NAMED = 10  # failed points that are listed by name
FLUSH_SECONDS = 60.0
PATIENCE_SECONDS = 1800.0  # how long a job asks again for a server that does not answer at its start
# from SIGTERM until the agent kills its runs
TERM_SECONDS = 4.5
GONE_SECONDS = 6.5  # from SIGTERM until the agent has ended; a batch system kills after 10
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# One signal may arrive twice: from the batch system, and from the job's shell, which passes it on, late on a
# busy node. Signals that follow within this time count as one.
TOGETHER_SECONDS = {signal.SIGINT: 0.5, signal.SIGTERM: 2.0, signal.SIGHUP: 2.0}


@dataclass
class Agent:
    """An agent that is ready to work."""

    options: Options
    fleet: Fleet
    monitor: ProgressMonitor
    screen: display.Lines
    trainers: trainers.Trainers | None
    first: FirstRun
    cores: int
    """The cores of this job, read at the start. Later the variables hold the share of each run."""
    earlier: Sequence[str] = ()
    """Names of the sweeps that this one extends."""
    noted_at: float = -math.inf
    has_told_unmeasured: bool = False

    def show(self) -> None:
        """Show the progress here, and from time to time in `jobs`."""
        self.screen.refresh(self.fleet, self.monitor)
        self.tell_unmeasured()
        if time.monotonic() - self.noted_at > TALLY_SECONDS:
            self.noted_at = time.monotonic()
            self.leave_tally()

    def tell_unmeasured(self) -> None:
        """Say once that the sweep's metric is not logged: its search and its report would know nothing."""
        latest = self.monitor.latest
        if latest and latest.unmeasured and not self.has_told_unmeasured:
            self.has_told_unmeasured = True
            self.screen.say(latest.unmeasured)

    def leave_tally(self) -> None:
        """Write the state of the runs for `jobs`."""
        tally.write(os.environ, self.fleet.tally(self.first.need))


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
        run(agent)
        report(agent)
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
    for signum in SIGNALS:
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
    client = Client(account.resolve(os.environ, Path.cwd()))
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
        extra_arguments=options.program_arguments,
        count=options.count,
        max_failures=options.max_failures,
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
    if found.config.get("method") == "grid" and not client.is_embedded and options.max_attempts > 1:
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


def run(agent: Agent) -> None:
    """Work until nothing is left to do or a signal ends the work. No run is left on return."""
    agent.fleet.shared.client.throttle.say = lambda seconds: say_throttled(agent, seconds)
    agent.monitor.ask()
    signals = agent.fleet.shared.signals
    for signum in SIGNALS:
        signal.signal(signum, lambda number, _: note_signal(signals, signal.Signals(number)))
    start_workers(agent)
    agent.monitor.start()
    if not agent.trainers:  # with trainers, a run has no process of its own
        agent.first.start()
    wait(agent)
    agent.screen.close()
    if agent.trainers:
        agent.trainers.close()


def start_workers(agent: Agent) -> None:
    """Start the workers: as many as the trainers need, as asked for, as fit on a GPU, or one per core."""
    fleet, cores, options = agent.fleet, agent.cores, agent.options
    if agent.trainers:
        fleet.work(agent.trainers.workers)
        return
    groups = len(packing.share(job.gpus(os.environ), options.gpus_per_run)) or 1
    if groups > 1:
        fleet.shared.ahead.is_possible = False  # there is no free GPU for a run that begins early
    if options.workers:
        fleet.work(options.workers)
    elif options.gpus_per_run > 1:
        fleet.work(groups)
    elif gpu := packing.ask_gpu(os.environ):
        fleet.shared.ahead.is_possible = False  # two processes per trained run would not fit
        fleet.work(1)
        say = agent.screen.say
        packing.Packing(fleet, lambda: packing.ask_gpu(os.environ), gpu, cores, say, groups).start()
    else:
        fleet.work(cores)


def note_signal(signals: list[float], signum: signal.Signals) -> None:
    """Note when a signal came, unless it is the same signal on a second way."""
    now = time.monotonic()
    if not signals or now - signals[0] > TOGETHER_SECONDS[signum]:
        signals.append(now)


def wait(agent: Agent) -> None:
    """Wait until the work is done or a signal ends it. No process of a run is left on return."""
    fleet, work, screen = agent.fleet, agent.fleet.shared, agent.screen
    pause, signals = threading.Event(), agent.fleet.shared.signals
    killed = False
    while fleet.is_working:
        agent.show()
        pause.wait(FRAME_SECONDS)
        if signals and not fleet.interrupted:
            fleet.interrupt()
        gone = time.monotonic() - signals[0] if signals else 0.0
        if gone > TERM_SECONDS and not killed:
            killed = True
            fleet.kill()
        if len(signals) > 1 or gone > GONE_SECONDS - 1:
            break
    work.stop.set()
    if len(signals) > 1:
        work.pool.kill()
        return
    left = GONE_SECONDS - (time.monotonic() - signals[0]) if signals else FLUSH_SECONDS
    left_in_order = work.pool.leave(left)
    if left_in_order:
        work.note_service_end()
    lost = not left_in_order or fleet.has_runs or bool(work.untold)
    if lost:
        screen.say("not everything could be sent: runs that ended just now may look crashed")
        folders = unsent.unsent(runfiles.root())
        if folders and unsent.KEPT not in os.environ:
            screen.say(f"send the rest with:  {sync.command(folders, os.environ)}")
    if signals:
        say_whether_all_go_on(agent, lost)


def say_whether_all_go_on(agent: Agent, lost: bool) -> None:
    """After a signal, say which runs will be offered again; `lost` says whether something was not sent."""
    fleet, work, screen = agent.fleet, agent.fleet.shared, agent.screen
    if work.kept:
        screen.say(f"not released, as far as the server answered: {' '.join(work.kept)}")
    unanswered = any(worker.is_alive() and not worker.run_now for worker in fleet.workers)
    if unanswered:
        screen.say("a claim was not answered: the server may have handed out a run that nobody runs")
    if work.kept or unanswered:
        say_how_to_go_on(agent)
    elif not lost:
        screen.say("all was sent: the runs that were stopped will be offered again")


def say_throttled(agent: Agent, seconds: float) -> None:
    """Tell the user that the server's rate limit makes the agent wait."""
    running = agent.fleet.running
    training = "1 run is training" if running == 1 else f"{running} runs are training"
    agent.screen.say(f"W&B is throttling this account: waiting {seconds:.0f} s; {training}")


def report(agent: Agent) -> None:
    """Print the state of the sweep and of this agent's runs, and how to read the results."""
    if not agent.fleet.shared.signals:  # after a signal the time that is left belongs to the runs
        agent.monitor.ask(since=agent.fleet.shared.changed)
    screen, fleet = agent.screen, agent.fleet
    agent.tell_unmeasured()
    if agent.monitor.unfinished != 0:
        name_failures(agent)
        if not fleet.shared.unfinished and not agent.earlier:
            say_what_nobody_runs(agent)
    agent.leave_tally()
    screen.say(f"{display.progress_line(fleet, agent.monitor).plain}; {display.tally_line(fleet).plain}")
    if agent.options.local:
        point_to_results(agent)


def name_failures(agent: Agent) -> None:
    """Name the points that failed here and are not finished; say how to run them again."""
    work, screen = agent.fleet.shared, agent.screen
    left = still_failing(work)
    if not left:
        return
    work.exit_code = work.exit_code or FAILING
    failed = f"points that failed here and are not finished: {len(left)}"
    last = left[-1]
    work.reason = work.reason or f"{failed}; {work.sweep.varying(last.run.point)}: {last.reason}"
    screen.say(failed)
    for outcome in left[:MOST_NAMED]:
        screen.say(f"  {work.sweep.varying(outcome.run.point)}: {outcome.reason}")
    if len(left) > MOST_NAMED:
        screen.say(f"  and {len(left) - MOST_NAMED} more")
    say_how_to_go_on(agent)


def still_failing(work: Work) -> list[Outcome]:
    """Return the outcomes of points that failed here and that no other run finishes."""
    left = list(work.unfinished.values())
    if not left or not work.missing or work.signals:
        return left
    try:
        missing = work.missing.are_missing([outcome.run.point for outcome in left])
    except (Refused, Unreachable):
        return left
    return [outcome for outcome, is_missing in zip(left, missing, strict=True) if is_missing]


def say_how_to_go_on(agent: Agent) -> None:
    """Say how to run the points of a grid that are left."""
    found = agent.fleet.shared.sweep
    if found.config.get("method") == "grid":
        agent.screen.say(
            f"to run what is missing: metasweep agent {found.name} --missing{agent.options.place}"
        )


def say_what_nobody_runs(agent: Agent) -> None:
    """Say which points of a grid the server offers to nobody: they failed, or were stopped, elsewhere."""
    latest, left = agent.monitor.latest, agent.monitor.unfinished
    grid = agent.fleet.shared.sweep.config.get("method") == "grid"
    if grid and latest and left and not latest.running and latest.state.upper() == "FINISHED":
        agent.screen.say(f"points that are not finished, and that the server does not offer again: {left}")
        say_how_to_go_on(agent)


def point_to_results(agent: Agent) -> None:
    """Print how to read the results on the embedded server, and how to end it."""
    options = agent.options
    names = " ".join([*agent.earlier, str(agent.fleet.shared.sweep.name)])
    agent.screen.say(f"the results: metasweep table {names}{options.place}")
    stop = f"metasweep server stop{options.place.removeprefix(' --local')}"
    agent.screen.say(f"the embedded server stays up; end it with: {stop}")


if __name__ == "__main__":
    main()
