"""How many workers a GPU gets; a stand-in for nvidia-smi says how much memory it has."""

from __future__ import annotations

import os

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metasweep.agent.workers.packing import (
    USABLE,
    Memory,
    ask_gpu,
    fitting,
    share,
)
from tests.agent.conftest import Workshop

MIB = st.floats(1, 1e5)


@given(total=MIB, share=st.floats(0, 1), need=MIB, most=st.integers(1, 64))
def test_as_many_as_fit_and_one_at_least(total: float, share: float, need: float, most: int) -> None:
    before = Memory(total, used=share * total)
    number = fitting(before, before.used + need, most)
    free, taken = USABLE * (total - before.used), before.used + need - before.used
    assert 1 <= number <= most
    assert number == 1 or number * taken <= free * (1 + 1e-9)
    assert number == most or (number + 1) * taken > free * (1 - 1e-9)
    assert fitting(before, before.used, most) == most


def test_the_workers_that_fit_start_after_the_first_run(workshop: Workshop) -> None:
    # A GPU of 1000 MiB; with a run on it, 310 more are used: three fit, and there are cores for two at least.
    script = """\
        #!/bin/sh
        [ "$4" = 7 ] || exit 1
        test -e used || { echo "1000, 0"; exit; }
        echo "1000, 310"
        touch measured
    """
    workshop.write("nvidia-smi", script).chmod(0o755)
    program = """
        import os, time, wandb
        deadline = time.monotonic() + 240
        with wandb.init() as run:
            open("used", "w").close()
            while not os.path.exists("measured"):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            run.log({"score": 1})
    """
    path = f"{workshop.folder}:{workshop.environ['PATH']}"
    environ = {"PATH": path, "CUDA_VISIBLE_DEVICES": "7,8"}
    code, output = workshop.agent(workshop.sweep(program, values=4), environ=environ)
    assert code == 0, output
    fits = min(2 * 3, len(os.sched_getaffinity(0)))
    assert f"a run takes 310 MiB of one of 2 GPUs: {fits} workers" in output
    first_end = output.index(" finished in ")
    assert output[:first_end].count(" starts: ") == 1
    assert "4 of 4 runs done" in output


def test_no_gpu_was_given() -> None:
    assert ask_gpu({"CUDA_VISIBLE_DEVICES": ""}) is None


@given(st.integers(1, 16), st.integers(1, 16))
def test_every_card_is_used_once_or_left_over(number: int, per_run: int) -> None:
    given_cards = [f"GPU-{card}" for card in range(number)]
    if per_run > number:
        with pytest.raises(click.UsageError, match=f"was given {number}"):
            share(given_cards, per_run)
        return
    groups = [group.split(",") for group in share(given_cards, per_run)]
    assert {len(group) for group in groups} == {per_run}
    used = [card for group in groups for card in group]
    assert used == given_cards[: number - number % per_run]


def test_runs_share_the_cards_of_a_job_or_have_several(workshop: Workshop) -> None:
    workshop.write("nvidia-smi", '#!/bin/sh\necho "1000, 0"\n').chmod(0o755)
    program = """
        import os, wandb
        with wandb.init() as run:
            open("cards", "a").write(os.environ["CUDA_VISIBLE_DEVICES"] + chr(10))
    """
    environ = {"CUDA_VISIBLE_DEVICES": "7,8", "PATH": f"{workshop.folder}:{os.environ['PATH']}"}
    for options, cards in ((("--workers", "2"), {"7", "8"}), (("--gpus-per-run", "2"), {"7,8"})):
        code, output = workshop.agent(workshop.sweep(program, values=4), *options, environ=environ)
        assert code == 0, output
        assert set((workshop.folder / "cards").read_text().split()) == cards
        (workshop.folder / "cards").unlink()
    code, output = workshop.agent("sweep.yaml", "--gpus-per-run", "3", environ=environ)
    assert code == 2
    assert "this job was given 2" in output
