"""How long the job may run: the cores of a job, and what an agent makes of its walltime."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metasweep.agent.node import resources
from metasweep.agent.node.walltime import (
    LEAVING_SECONDS,
    MARGIN,
    Walltime,
)
from metasweep.client.account import Account
from metasweep.client.protocol import Client, Registration, SweepName
from metasweep.client.transport import Unreachable
from tests.agent.conftest import Workshop


@given(st.lists(st.floats(0.1, 1e5), max_size=5), st.lists(st.floats(0.1, 1e5), max_size=5))
def test_a_run_is_claimed_only_if_the_longest_one_seen_would_fit(
    here: list[float], elsewhere: list[float]
) -> None:
    longest = MARGIN * max(here if len(here) >= 3 else here + elsewhere, default=0)
    for spare, fits in ((5, True), (-5, False)):
        limit = Walltime(longest + LEAVING_SECONDS + spare, elsewhere)
        for seconds in here:
            limit.note(seconds)
        assert limit.fits() is fits
    assert Walltime(None, [1e9]).fits()


def test_cores_are_those_of_the_job(tmp_path: Path) -> None:
    given_to_us = len(os.sched_getaffinity(0))
    assert resources.cores({}, tmp_path) == given_to_us
    assert resources.cores({"PBS_JOBID": "1", "NCPUS": "1", "OMP_NUM_THREADS": "64"}, tmp_path) == 1
    assert resources.cores({"SLURM_JOB_ID": "1", "SLURM_CPUS_PER_TASK": "1"}, tmp_path) == 1
    assert resources.cores({"OMP_NUM_THREADS": "1", "NCPUS": "1"}, tmp_path) == given_to_us
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert resources.cores({}, tmp_path) == 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert resources.cores({}, tmp_path) == given_to_us


def test_every_limit_of_a_job_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "CGROUP", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    job = tmp_path / "slurm" / "job_7" / "step_batch"
    job.mkdir(parents=True)
    (job.parent / "cpu.max").write_text("350000 100000\n")
    (job / "cpu.max").write_text("max 100000\n")
    assert resources.cores({}, job) == 4
    assert resources.cores({"SLURM_JOB_ID": "7", "SLURM_CPUS_ON_NODE": "3"}, job) == 3


def test_no_claim_outlives_the_walltime() -> None:
    with pytest.raises(Unreachable):
        Client(Account("http://127.0.0.1:9", "key")).claim(
            Registration("agent", SweepName("e", "p", "s")), worthwhile=lambda: False
        )


def test_how_long_others_take_is_asked_again() -> None:
    limit = Walltime(100)
    assert limit.fits()
    limit.learn([200.0])
    assert not limit.fits()


def test_an_agent_leaves_when_no_run_fits(workshop: Workshop) -> None:
    sweep = workshop.sweep(values=4)
    code, output = workshop.agent(sweep, "--workers", "1", "--walltime", "0:00:10")
    assert code == 0
    assert "leaving the rest to others: 4 runs are not finished, 0:00:0" in output
    assert "0 of 4 runs done" in output
    code, output = workshop.agent(sweep, "--walltime", "soon")
    assert code == 2
