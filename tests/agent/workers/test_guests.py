"""Agents send W&B's cloud few requests, and agents of one user share what they learn."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

from metasweep.agent.workers.idling import Idling
from tests.agent.conftest import Play, Workshop, by_state, each_once
from tests.agent.test_cloud import LOGS
from tests.cloud.limits import Limit
from tests.cloud.proxy import Cloud, serve
from tests.waiting import PATIENCE, wait_until

TROUBLE = "W&B is throttling this account: waiting"
AN_HOUR = 3600.0


def test_four_agents_ask_once_how_far_the_sweep_is_and_each_at_its_end(play: Play) -> None:
    with play() as (workshop, cloud):
        there = Workshop(workshop.folder, workshop.environ | {"WANDB_BASE_URL": cloud.upstream})
        _, output = there.agent(there.sweep(LOGS, values=5), "--workers", "1", "--count", "1")
        name = next(word for word in output.split() if word.count("/") == 2)
        agents = [workshop.start(name, "--workers", "1") for _ in range(4)]
        said = [agent.communicate(timeout=PATIENCE)[0] for agent in agents]
        assert [agent.returncode for agent in agents] == [0] * 4, said
        assert by_state(workshop, cloud, output) == each_once(5)
        assert 1 <= cloud.seen["Progress"] <= 1 + 4
        assert all(" of 5 runs done" in each for each in said)
        assert any("5 of 5 runs done" in each for each in said)


def test_a_limit_that_one_agent_meets_makes_the_others_wait(play: Play) -> None:
    with play(limits={"CreateAgent": Limit(1, seconds=4)}) as (workshop, cloud):
        name = workshop.sweep(LOGS, values=4)
        code, output = workshop.agent(name, "--workers", "1", "--count", "1")
        assert code == 0, output
        sweep = next(word for word in output.split() if word.count("/") == 2)
        agents = [workshop.start(sweep, "--workers", "1") for _ in range(4)]
        said = [agent.communicate(timeout=PATIENCE)[0] for agent in agents]
        assert [agent.returncode for agent in agents] == [0] * 4, said
        assert by_state(workshop, cloud, output) == each_once(4)
        waits = sum(each.count(TROUBLE) for each in said)
        assert cloud.refused["429"] < waits, said  # some waited because another agent had met the limit


def test_of_the_idle_workers_of_an_agent_one_asks_for_all(play: Play) -> None:
    with play() as (workshop, cloud), serve(Cloud(cloud.upstream)) as other:
        _, output = workshop.agent(workshop.sweep(LOGS, values=9), "--workers", "1", "--count", "1")
        name = next(word for word in output.split() if word.count("/") == 2)
        there = Workshop(workshop.folder, workshop.environ | {"WANDB_BASE_URL": other.url})
        before = cloud.seen["claim"]
        done = there.run("wandb", "sweep", "--pause", name)
        assert done.returncode == 0, done.stderr
        agents = [workshop.start(name, "--workers", "1"), there.start(name, "--workers", "8")]
        wait_until(lambda: cloud.seen["claim"] - before >= 3 and other.seen["claim"] > 8, PATIENCE)
        asked = other.seen["claim"]
        for agent in agents:
            agent.send_signal(signal.SIGTERM)
        said = [agent.communicate(timeout=PATIENCE)[0] for agent in agents]
        workers = other.seen["CreateAgent"]  # two for each seat, where the server seems far on a busy machine
        assert asked <= workers + 6 < 2 * workers, (said, other.seen)
        assert [agent.returncode for agent in agents] == [3, 3], said


def test_idle_workers_ask_again_when_there_is_news_and_end_with_the_work() -> None:
    idling, over = Idling(), threading.Event()
    with ThreadPoolExecutor(4) as pool:
        paused = [pool.submit(idling.pause, AN_HOUR, AN_HOUR, over.is_set) for _ in range(4)]

        def all_ask_again() -> bool:
            idling.note_news()  # those that had not begun to wait have missed the last news
            return all(each.done() for each in paused)

        try:
            wait_until(all_ask_again)
            paused = [pool.submit(idling.pause, AN_HOUR, AN_HOUR, over.is_set) for _ in range(4)]
        finally:
            over.set()
        assert all(each.result(PATIENCE) is None for each in paused)
