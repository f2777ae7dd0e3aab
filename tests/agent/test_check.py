"""`metasweep check`: how a program behaves with the first point, before it gets all of them."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.agent.conftest import Workshop
from tests.waiting import PATIENCE

STEPS = """
    import argparse, time, wandb
    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=int)
    arguments = parser.parse_args()
    with wandb.init(config=vars(arguments)) as run:
        for step in range(20):
            run.log({"score": step})
            time.sleep(0.3)
        open(f"model-{run.id}", "w").close()
"""
RESUMING = """
    import argparse, os, time, wandb
    parser = argparse.ArgumentParser()
    parser.add_argument("--x", type=int)
    arguments = parser.parse_args()
    checkpoint = f"step-{os.environ['WANDB_RUN_ID']}"
    first = int(open(checkpoint).read()) + 1 if os.path.exists(checkpoint) else 0
    with wandb.init(config=vars(arguments), resume='allow') as run:
        for step in range(first, 20):
            run.log({"score": step})
            time.sleep(0.3)
            with open(checkpoint + ".new", "w") as file:
                file.write(str(step))
            os.replace(checkpoint + ".new", checkpoint)
"""


def check(workshop: Workshop, *arguments: str) -> tuple[int, str]:
    """Run the check; return its exit code and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "metasweep", "check", *arguments],
        cwd=workshop.folder,
        env=workshop.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_program_that_is_fit(workshop: Workshop) -> None:
    code, output = check(workshop, workshop.sweep(STEPS))
    assert code == 0, output
    assert output.count("20 rows of score") == 2
    assert "runs are forked from a process that has imported wandb" in output
    assert "alone: it wrote model-check-alone" in output
    agreed = re.search(
        r"the two agree in metrics logged, files written and environment \((\d+) values", output
    )
    assert agreed, output
    assert int(agreed[1]) > 20, "variables, and what wandb records"
    assert "told to stop half-way: it ended, and its run is offered again" in output
    assert "started again: it started from the beginning (20 rows)" in output
    assert "per run: allow 0:0" in output
    assert not list(workshop.folder.glob("wandb")), "it leaves nothing but what the program writes"


def test_a_metric_under_another_name(workshop: Workshop) -> None:
    code, output = check(workshop, workshop.sweep(metric={"name": "val/acc", "goal": "maximize"}))
    assert code == 1
    assert "! the sweep's metric val/acc was not logged as a number; the run logged score" in output


def test_a_program_that_fails(workshop: Workshop) -> None:
    code, output = check(workshop, workshop.sweep("raise SystemExit('no data')"))
    assert code == 1
    assert "! alone: x=0: exit code 1: no data" in output


def test_a_program_that_goes_on_from_its_checkpoint(workshop: Workshop) -> None:
    code, output = check(workshop, workshop.sweep(RESUMING))
    assert code == 0, output
    assert re.search(r"started again: it went on from where it was \(1?\d rows more, of 20\)", output), output


def test_a_program_that_calls_half_of_its_work_finished(workshop: Workshop) -> None:
    polite = STEPS.replace("with wandb", "import signal; signal.signal(signal.SIGTERM, stop)\n    with wandb")
    stop = "def stop(*_):\n        raise SystemExit(0)\n    "
    code, output = check(
        workshop, workshop.sweep(polite.replace("parser = argparse", f"{stop}parser = argparse"))
    )
    assert code == 1
    assert re.search(r"! told to stop, it ends with exit code 0 after 1?\d of 20 rows", output), output


def test_a_program_that_cannot_be_started_again(workshop: Workshop) -> None:
    once = STEPS.replace('"score": step})', '"score": step}); step or os.mkdir(f"out-{run.id}")')
    code, output = check(workshop, workshop.sweep(once.replace("import argparse", "import os, argparse")))
    assert code == 1
    assert re.search(r"! started again after the stop it fails: .*FileExistsError", output), output
