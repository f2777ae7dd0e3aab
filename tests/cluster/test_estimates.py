"""Values, estimates and the reading of what schedulers say: pure functions."""

from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metasweep.cluster import values
from metasweep.cluster.schedulers import PBS, Job, Slurm
from metasweep.cluster.schedulers.pbs import read_queues
from metasweep.cluster.schedulers.slurm import read_partition
from metasweep.cluster.site import Site
from metasweep.cluster.status.points import count_points
from metasweep.cluster.submitting import estimate

MOMENT = 1_785_000_000  # 2026-07-25T17:20:00 in UTC


@given(st.text(max_size=12))
def test_no_name_that_is_taken_could_break_an_option_line(text):
    for parse in (values.parse_name, values.parse_queue, values.parse_capability):
        with suppress(ValueError):
            assert not set(parse(text)) & set(" \t\n/'\"\\$`;:,=")


@given(
    left=st.integers(0, 5000),
    run_seconds=st.floats(1, 20_000),
    workers=st.integers(1, 64),
    jobs=st.none() | st.integers(1, 100),
    walltime=st.none() | st.integers(600, 200_000),
)
def test_a_suggestion_keeps_what_is_given_and_has_room_for_a_run(left, run_seconds, workers, jobs, walltime):
    plan = estimate.suggest(left, run_seconds, workers, jobs, walltime)
    assert jobs is None or plan.jobs == jobs
    assert walltime is None or plan.walltime == walltime
    assert plan.jobs >= 1
    if walltime is None:
        assert plan.walltime >= estimate.START + 2 * run_seconds
        assert plan.walltime % estimate.STEP == 0


# As `qstat -Qf -F json` of OpenPBS 23.06 printed it, without what counts jobs.
QUEUES = {
    "q_1d": {
        "queue_type": "Execution",
        "resources_max": {"ngpus": 0, "walltime": "24:00:00"},
        "enabled": "True",
        "started": "True",
    },
    "default": {
        "queue_type": "Route",
        "route_destinations": "q_2h,q_1d,gpu",
        "enabled": "True",
        "started": "True",
    },
    "q_2h": {
        "queue_type": "Execution",
        "resources_max": {"ngpus": 0, "walltime": "02:00:00"},
        "enabled": "True",
        "started": "True",
    },
    "gpu": {
        "queue_type": "Execution",
        "resources_max": {"walltime": "30:00:00"},
        "resources_min": {"ngpus": 1},
        "enabled": "True",
        "started": "True",
    },
    "q_friends": {
        "queue_type": "Execution",
        "acl_user_enable": "True",
        "acl_users": "friend",
        "resources_max": {"walltime": "1000:00:00"},
        "enabled": "True",
        "started": "True",
    },
}


@pytest.mark.parametrize(
    ("queue", "gpus", "hours"),
    [
        (None, False, 24),
        (None, True, 30),
        ("q_2h", False, 2),
        ("q_friends", False, 1000),
        ("nowhere", False, None),
    ],
)
def test_the_longest_walltime_of_pbs(queue, gpus, hours):
    pbs = PBS(Site(queues=read_queues(QUEUES, "default")))
    assert pbs.longest(queue, gpus) == (hours and hours * 3600)


def test_the_longest_walltime_of_slurm():
    lines = ("main*|up|1-00:00:00|(null)", "gpu|up|infinite|gpu:a100:4(S:0-1)", "old|down|2:00:00|(null)")
    slurm = Slurm(Site(queues=tuple(found for line in lines if (found := read_partition(line)))))
    assert slurm.longest(None, False) == 24 * 3600
    assert slurm.longest("gpu", True) is None, "no limit"
    assert [queue.name for queue in slurm.queues] == ["main", "gpu"]


def test_a_suggestion_is_never_longer_than_a_queue():
    plan = estimate.suggest(left=40, run_seconds=15 * 3600, workers=4, longest=24 * 3600)
    assert plan.walltime == 24 * 3600


def test_a_suggestion_for_the_grid_of_four_hundred_runs():
    plan = estimate.suggest(left=400, run_seconds=60, workers=4)
    assert str(plan) == "--jobs 2 --walltime 1:15:00"
    assert estimate.room(plan, 60, 4) == 2 * 4 * 53  # runs of 78 s, in 70 minutes


@dataclass
class Run:
    """A run as the API describes it."""

    state: str
    seed: int = 1
    minute: int = 0
    lasts: int = 1

    @property
    def config(self):
        return {"seed": self.seed, "epochs": 3}

    @property
    def created_at(self):
        return f"2026-07-25T17:{self.minute:02}:00Z"

    @property
    def heartbeat_at(self):
        return f"2026-07-25T17:{self.minute + self.lasts:02}:00"


GRID = {"method": "grid", "parameters": {"seed": {"values": list(range(100))}, "epochs": {"value": 3}}}


def test_points_are_counted_by_their_finished_runs_and_runs_by_state():
    finished = [Run("finished", seed, seed) for seed in range(20)]
    others = [Run("finished", 3), Run("running", 30), Run("crashed", 4), Run("failed", 31)]
    others += [Run("killed", 32), Run("pending", 33), Run("preempted", 34)]  # as `status` counts them
    points = count_points("RUNNING", 100, GRID, [*finished, *others], MOMENT)
    assert (points.done, points.left) == (20, 80), "a point that has finished twice counts once"
    assert (points.finished, points.running, points.failed) == (21, 2, 3)
    assert points.run_seconds == 60
    assert points.rate == pytest.approx(1.0)
    assert points.seconds_left == pytest.approx(80 * 60)
    search = count_points("RUNNING", 100, {"method": "random"}, [*finished, *others], MOMENT)
    assert search.done == 21


def test_idle_time_does_not_count_against_the_time_left():
    """Four runs in three minutes; in the seven before that, nobody worked."""
    finished = [Run("finished", seed, 17 + seed // 2) for seed in range(4)]
    points = count_points("RUNNING", 10, GRID, [*finished, Run("running", 9, 19)], MOMENT)
    assert points.seconds_left == pytest.approx(6 * 3 / 4 * 60), "three minutes' work, not ten"
    idle = count_points("RUNNING", 10, GRID, finished, MOMENT)
    assert idle.seconds_left is None, "nobody works on it"


def test_points_of_a_sweep_that_has_not_begun_and_has_no_end():
    points = count_points("PENDING", None, {"method": "bayes"}, [], MOMENT)
    assert (points.done, points.left, points.run_seconds, points.seconds_left) == (0, None, None, None)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, "exit status 0"),
        (-29, "killed at its walltime"),
        (271, "cancelled"),
        (265, "killed by signal 9"),
        (None, "ended before it started"),
        (-1, "PBS could not run it (-1)"),
    ],
)
def test_exit_statuses_of_pbs(status, said):
    assert PBS().how_ended(Job("1", 1, "ended", exit_status=status)) == said


def test_a_job_that_never_ran_has_an_exit_status_all_the_same():
    assert (
        PBS().how_ended(Job("1[2]", 2, "ended", exit_status=1, run_count=0)) == "cancelled before it started"
    )


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        (
            "Not Running: Insufficient amount of resource: ngpus (R: 1 A: 0 T: 16)",
            "waits: ngpus: 1 asked for, 0 of 16 free",
        ),
        ("Not Running: Not enough free nodes available", "waits: Not enough free nodes available"),
        ("Not Running: Insufficient amount of queue resource: ncpus", "waits: not enough ncpus"),
        ("Job run at Tue Nov 24 at 03:00 on (node1:ncpus=4)", ""),
        ("", ""),
    ],
)
def test_comments_of_pbs(comment, said):
    assert PBS().explain(comment) == said


@pytest.mark.parametrize(
    ("reason", "never"),
    [
        ("PartitionConfig", True),
        ("QOSMaxCpuPerJobLimit", True),
        ("AssocMaxWallDurationPerJobLimit", True),
        ("QOSMaxMemoryPerNode", True),
        ("MaxCpuPerAccount", False),
        ("QOSMaxJobsPerUserLimit", False),
        ("QOSMaxCpuPerUserLimit", False),
        ("AssocGrpCpuLimit", False),
        ("AssocGrpCPUMinutesLimit", True),
        ("InvalidQOS", True),
        ("InvalidAccount", True),
        ("AccountNotAllowed", True),
        ("QOSNotAllowed", True),
        ("Resources", False),
        ("Priority", False),
        ("JobHeldUser", False),
    ],
)
def test_reasons_of_slurm_that_never_end(reason, never):
    """Of a job that asks for too much. A job that waits for other jobs of the account can run later."""
    assert Slurm().explain(reason).startswith("can never run: " if never else "waits: ")
