"""The agent and W&B's cloud as it is: far away, limited, and losing answers."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import wandb

from metasweep.agent.points.missing import Missing
from metasweep.client.account import Account
from metasweep.client.protocol import Client
from metasweep.client.sweep import open_sweep
from tests.agent.conftest import Play, Workshop, by_state, each_once
from tests.cloud.faults import Fault, Faults
from tests.cloud.limits import Limit
from tests.cloud.proxy import Cloud, serve
from tests.conftest import make_server
from tests.waiting import PATIENCE, wait_until

LOGS = """
    import os, sys, time, wandb
    x = int(sys.argv[1][4:])
    with wandb.init() as run:
        for step in range(3):
            run.log({"score": x + step})
            time.sleep(0.05)
"""
FAILS_ONCE = """
        if x % 4 == 0 and not os.path.exists(f"begun-{x}"):
            open(f"begun-{x}", "w").close()
            sys.exit(1)
"""
SOON_AGAIN = {
    f"WANDB_X_{kind}_RETRY_WAIT_{end}_SECONDS": seconds
    for kind in ("GRAPHQL", "FILE_STREAM", "FILE_TRANSFER")
    for end, seconds in (("MIN", "0.1"), ("MAX", "1"))
}
"""How long the client waits before it tries again; by default 2 to 60 s."""


def test_a_lost_answer_to_a_claim_loses_no_point(play: Play) -> None:
    lost = dict.fromkeys((1, 2, 4, 6, 7), Fault.LOST)
    with play(faults=Faults(script={"claim": lost})) as (workshop, cloud):
        code, output = workshop.agent(workshop.sweep(LOGS, values=5), "--workers", "2")
        assert code == 0, output
        assert cloud.refused["lost"] == len(lost)
        assert by_state(workshop, cloud, output) == each_once(5)


def test_on_the_embedded_server_lost_answers_cost_no_attempt(tmp_path: Path) -> None:
    for server in make_server("--max-attempts", "2"):
        lost = dict.fromkeys((1, 2, 3, 5), Fault.LOST)
        faults = Faults(script={"claim": lost})
        with serve(Cloud(server.url, faults=faults, has_memory=False)) as cloud:
            address = {"WANDB_BASE_URL": cloud.url, "WANDB_DIR": str(tmp_path)}
            workshop = Workshop(tmp_path, os.environ | server.env | address)
            code, output = workshop.agent(workshop.sweep(LOGS, values=2), "--workers", "1")
            assert code == 0, output
            assert by_state(workshop, cloud, output) == each_once(2)


def test_a_rate_limit_delays_runs_and_fails_none(play: Play) -> None:
    limit = Limit(30, seconds=5)
    with play(limits={"all": limit}) as (workshop, cloud):
        agent = workshop.start(workshop.sweep(LOGS, values=5), "--workers", "4", "--max-failures", "1")
        wait_until(lambda: cloud.acted["claim"], PATIENCE)
        limit.began, limit.used = time.monotonic(), limit.requests  # a slow machine would never get there
        output, _ = agent.communicate(timeout=PATIENCE)
        assert agent.returncode == 0, output
        assert cloud.refused["429"]
        assert by_state(workshop, cloud, output) == each_once(5)
        assert "0 failed" in output


def test_the_agent_says_once_that_it_is_throttled_and_asks_no_more_until_then(play: Play) -> None:
    with play(limits={"claim": Limit(2, seconds=4)}) as (workshop, cloud):
        code, output = workshop.agent(workshop.sweep(LOGS, values=4), "--workers", "3")
        assert code == 0, output
        said = [line for line in output.splitlines() if "W&B is throttling this account: waiting" in line]
        assert 0 < len(said) <= 1 + cloud.seen["claim"] / 3
        assert cloud.refused["429"] <= 3 * len(said)  # each of three workers may have been under way


def test_missing_takes_the_next_name_where_one_was_deleted(play: Play) -> None:
    with play() as (workshop, cloud):
        _, output = workshop.agent(workshop.sweep(LOGS, values=2), "--workers", "1", "--count", "1")
        name = next(word for word in output.split() if word.count("/") == 2)
        client = Client(Account(cloud.url, workshop.environ["WANDB_API_KEY"]))
        found = open_sweep(client, name, None, None)
        first = Missing(client, found).claim()
        assert first
        api = wandb.Api({"base_url": cloud.url}, api_key=workshop.environ["WANDB_API_KEY"])
        api.run(f"{name.rpartition('/')[0]}/{first['run_id']}").delete()
        again = Missing(client, found).claim()
        assert again
        assert cloud.refused["409"] == 1
        assert again["args"] == first["args"]
        assert again["run_id"] != first["run_id"]
        assert Missing(client, found).claim() is None  # it is at work


def test_missing_knows_the_run_that_it_made_though_the_answer_was_lost(play: Play) -> None:
    fails = LOGS + "        if not os.path.exists('mended'): sys.exit(1)"
    with play() as (workshop, cloud):
        once = ("--workers", "1", "--max-failures", "0", "--max-attempts", "1")
        code, output = workshop.agent(workshop.sweep(fails, values=2), *once)
        assert code == 4
        assert "points that failed here and are not finished: 2" in output
        assert by_state(workshop, cloud, output) == {"failed": {0: 1, 1: 1}}
        name = next(word for word in output.split() if word.count("/") == 2)
        workshop.write("mended", "")
        begun = cloud.seen["UpsertBucket"]
        cloud.faults = Faults(script={"UpsertBucket": {begun + 1: Fault.LOST}})
        code, said = workshop.agent(name, "--missing", "--workers", "1")
        assert code == 0, said
        assert cloud.refused["lost"] == 1
        states = by_state(workshop, cloud, output)
        assert states == each_once(2) | {"failed": {0: 1, 1: 1}}


def test_four_agents_finish_every_point_once_whatever_the_cloud_does(play: Play) -> None:
    fails_once = LOGS + FAILS_ONCE
    faults = Faults(seed=7, busy=0.02, burst=3, reset=0.04, lost=0.08)
    limits = {"all": Limit(400, seconds=20)}
    with play(round_trip=0.02, faults=faults, limits=limits) as (workshop, cloud):
        there = Workshop(workshop.folder, workshop.environ | {"WANDB_BASE_URL": cloud.upstream})
        workshop.write("begun-0", "")
        workshop.environ |= SOON_AGAIN
        _, output = there.agent(there.sweep(fails_once, values=12), "--workers", "1", "--count", "1")
        name = next(word for word in output.split() if word.count("/") == 2)
        agents = [workshop.start(name, "--workers", "1", "--max-failures", "0") for _ in range(4)]
        ends = [(agent.communicate(timeout=2 * PATIENCE)[0], agent.returncode) for agent in agents]
        assert [code for _, code in ends] == [0] * 4, ends
        assert cloud.refused["lost"] > 3
        states = by_state(workshop, cloud, output)
        assert states == each_once(12) | {"failed": {4: 1, 8: 1}}, ends
        done = there.run(sys.executable, "-m", "metasweep", "status", name)
        assert done.returncode == 0, done.stdout
