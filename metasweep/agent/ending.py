"""What an agent says at its end: the state of the sweep, what is left of it, and how to go on."""

from __future__ import annotations

from metasweep.agent import display
from metasweep.agent.agent import Agent
from metasweep.agent.workers.work import Outcome, Work
from metasweep.batch.exit_codes import FAILING
from metasweep.client.transport import Refused, Unreachable
from metasweep.sweeps import is_grid

MOST_NAMED = 10  # failed points that are listed by name


def report(agent: Agent) -> None:
    """Print the state of the sweep and of this agent's runs, and how to read the results."""
    if not agent.fleet.shared.signals:  # after a signal the time that is left belongs to the runs
        agent.monitor.ask(since=agent.fleet.shared.changed)
    screen, fleet = agent.screen, agent.fleet
    agent.warn_if_unmeasured()
    if agent.monitor.unfinished != 0:
        name_failures(agent)
        if not fleet.shared.unfinished and not agent.earlier:
            say_what_nobody_runs(agent)
    agent.write_tally()
    screen.say(f"{display.progress_line(fleet, agent.monitor).plain}; {display.tally_line(fleet).plain}")
    if agent.options.local:
        point_to_results(agent)


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
    if is_grid(found.config):
        agent.screen.say(
            f"to run what is missing: metasweep agent {found.name} --missing{agent.options.place}"
        )


def say_what_nobody_runs(agent: Agent) -> None:
    """Say which points of a grid the server offers to nobody: they failed, or were stopped, elsewhere."""
    latest, left = agent.monitor.latest, agent.monitor.unfinished
    grid = is_grid(agent.fleet.shared.sweep.config)
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
