"""An agent at work: its workers, the signals that end them, and the wait for their end."""

from __future__ import annotations

import os
import signal
import threading
import time

from metasweep.agent import ending
from metasweep.agent.agent import Agent
from metasweep.agent.runs import runfiles, unsent
from metasweep.agent.workers import packing
from metasweep.batch import job
from metasweep.client import sync

FRAME_SECONDS = 0.25
FLUSH_SECONDS = 60.0
TERM_SECONDS = 4.5  # from SIGTERM until the agent kills its runs
GONE_SECONDS = 6.5  # from SIGTERM until the agent has ended; a batch system kills after 10
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# One signal may arrive twice: from the batch system, and from the job's shell, which passes it on, late on a
# busy node. Signals that follow within this time count as one.
TOGETHER_SECONDS = {signal.SIGINT: 0.5, signal.SIGTERM: 2.0, signal.SIGHUP: 2.0}


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
    agent.fleet.shared.stop.set()
    leave(agent)
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
    """Note when a signal came, unless it is the same signal passed on by another process."""
    now = time.monotonic()
    if not signals or now - signals[0] > TOGETHER_SECONDS[signum]:
        signals.append(now)


def wait(agent: Agent) -> None:
    """Wait until the work is done, or until a signal leaves no more time for it."""
    fleet, signals = agent.fleet, agent.fleet.shared.signals
    pause, killed = threading.Event(), False
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


def leave(agent: Agent) -> None:
    """Have the runs' last records sent, and end every process of a run. Say what could not be sent."""
    work, screen, signals = agent.fleet.shared, agent.screen, agent.fleet.shared.signals
    if len(signals) > 1:
        work.pool.kill()
        return
    left = GONE_SECONDS - (time.monotonic() - signals[0]) if signals else FLUSH_SECONDS
    left_in_order = work.pool.leave(left)
    if left_in_order:
        work.note_service_end()
    lost = not left_in_order or agent.fleet.has_runs or bool(work.unreported)
    if lost:
        screen.say("not everything could be sent: runs that ended just now may look crashed")
        folders = unsent.unsent(runfiles.root())
        if folders and unsent.KEPT not in os.environ:
            screen.say(f"send the rest with:  {sync.command(folders, os.environ)}")
    if signals:
        ending.say_whether_all_go_on(agent, lost)


def say_throttled(agent: Agent, seconds: float) -> None:
    """Tell the user that the server's rate limit makes the agent wait."""
    running = agent.fleet.running
    training = "1 run is training" if running == 1 else f"{running} runs are training"
    agent.screen.say(f"W&B is throttling this account: waiting {seconds:.0f} s; {training}")
