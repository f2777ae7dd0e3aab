"""Values, estimates and the reading of what schedulers say: pure functions."""

from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metasweep.cluster import estimate, values
from metasweep.cluster.points import count_points
from metasweep.cluster.schedulers import PBS, Job

MOMENT = 1_785_000_000
STAMP = "2026-07-25T17:20:00"  # the same moment, in UTC


@given(st.integers(1, 9999 * 3600))
def test_walltimes_survive_writing_and_reading(seconds):
    assert values.parse_walltime(values.format_walltime(seconds)) == seconds


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


def test_a_suggestion_for_the_grid_of_four_hundred_runs():
    plan = estimate.suggest(left=400, run_seconds=60, workers=4)
    assert str(plan) == "--jobs 2 --walltime 1:15:00"
    assert estimate.room(plan, 60, 4) >= 400


@dataclass
class Run:
    """What the API tells of a run."""

    state: str
    created_at: str = STAMP
    heartbeat_at: str = STAMP


def test_points_are_counted_by_state_and_timed():
    finished = [
        Run("finished", f"2026-07-25T17:{minute:02}:00Z", f"2026-07-25T17:{minute + 1:02}:00Z")
        for minute in range(20)
    ]
    points = count_points("RUNNING", 100, [*finished, Run("running"), Run("crashed"), Run("failed")], MOMENT)
    assert (points.done, points.running, points.failed, points.left) == (20, 1, 2, 80)
    assert points.run_seconds == 60
    assert points.rate == pytest.approx(1.0)
    assert points.seconds_left == pytest.approx(80 * 60)


def test_points_of_a_sweep_that_has_not_begun_and_has_no_end():
    points = count_points("PENDING", None, [], MOMENT)
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
