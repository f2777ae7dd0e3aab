"""An agent is told to stop while its server is silent, full or late.

It ends in time and reports correctly.
"""

from __future__ import annotations

import signal
import subprocess
import threading

import pytest

from tests.agent.conftest import Play, Workshop, by_state, each_once
from tests.cloud.limits import Limit
from tests.cloud.proxy import Cloud
from tests.waiting import PATIENCE, wait_until

SOON = 45  # seconds: it takes 8 on a quiet machine, and a request without an answer 60
HOLDS = """
    import pathlib, sys, time, wandb
    x = sys.argv[1][4:]
    with wandb.init(resume="allow") as run:
        run.log({"score": int(x)})
        pathlib.Path("began-" + x).touch()
        while not pathlib.Path("free").exists():
            time.sleep(0.05)
"""
ALL_WELL = "all was sent: the runs that were stopped will be offered again"


def name_of(agent: subprocess.Popen[str]) -> str:
    """The sweep's name, the agent's first word."""
    assert agent.stdout
    return next(word for line in agent.stdout for word in line.split() if word.count("/") == 2)


def leave(agent: subprocess.Popen[str]) -> str:
    """Tell an agent to stop; return its output until it has ended."""
    agent.send_signal(signal.SIGTERM)
    said, _ = agent.communicate(timeout=SOON)
    assert agent.returncode == 3, said
    return said


def fall_silent(cloud: Cloud) -> None:
    cloud.is_deaf = True


def refuse_all(cloud: Cloud) -> None:
    cloud.limits = {"all": Limit(1, seconds=600)}
    cloud.limits["all"].admit()


def hear_again(cloud: Cloud) -> None:
    cloud.is_deaf, cloud.limits = False, {}


def states(workshop: Workshop, cloud: Cloud, name: str) -> set[str]:
    return set(by_state(workshop, cloud, name))


@pytest.mark.parametrize("trouble", [fall_silent, refuse_all])
def test_it_promises_nothing_that_the_server_has_not_received(play: Play, trouble: object) -> None:
    with play("--lease", "20") as (workshop, cloud):
        agent = workshop.start(workshop.sweep(HOLDS, values=4), "--workers", "3")
        name = name_of(agent)
        wait_until(lambda: len(list(workshop.folder.glob("began-*"))) == 3)
        trouble(cloud)  # type: ignore[operator]
        said = leave(agent)
        assert ALL_WELL not in said
        assert "may look crashed" in said
        assert "wandb sync" in said
        wait_until(lambda: states(workshop, cloud, name) == {"crashed"})
        hear_again(cloud)
        workshop.write("free", "")
        code, said = workshop.agent(name, "--workers", "2")
        assert code == 0, said
        found = by_state(workshop, cloud, name)
        assert found["finished"] == each_once(4)["finished"], said
        assert found["crashed"].total() == 3


def ask_late(workshop: Workshop, cloud: Cloud, answer: threading.Event) -> tuple[subprocess.Popen[str], str]:
    """An agent with a finished run, whose next claim is answered when `answer` says so; and its sweep."""
    agent = workshop.start(workshop.sweep(HOLDS, values=3), "--workers", "1")
    wait_until(lambda: list(workshop.folder.glob("began-*")), PATIENCE)  # all that is slow has started
    cloud.late = {"claim": answer}
    asked = cloud.acted["claim"]
    workshop.write("free", "")
    name = name_of(agent)
    wait_until(lambda: cloud.acted["claim"] > asked, PATIENCE)
    wait_until(lambda: "finished" in states(workshop, cloud, name), PATIENCE)  # it may claim ahead of that
    return agent, name


def test_a_run_that_comes_too_late_is_released(play: Play) -> None:
    late = threading.Event()
    with play() as (workshop, cloud):
        agent, name = ask_late(workshop, cloud, late)
        agent.send_signal(signal.SIGTERM)
        assert agent.stdout
        assert any("a signal arrived" in line for line in agent.stdout)
        late.set()
        said, _ = agent.communicate(timeout=SOON)
        assert agent.returncode == 3, said
        assert ALL_WELL in said, said
        assert states(workshop, cloud, name) == {"finished", "preempted"}
        code, said = workshop.agent(name, "--workers", "1")
        assert code == 0, said
        assert by_state(workshop, cloud, name) == each_once(3)


def test_it_says_that_an_answer_is_missing_which_may_have_been_a_run(play: Play) -> None:
    with play() as (workshop, cloud):
        agent, _ = ask_late(workshop, cloud, threading.Event())
        said = leave(agent)
        assert ALL_WELL not in said, said
        assert "a claim was not answered" in said, said
        assert "--missing" in said
