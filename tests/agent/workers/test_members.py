"""`--members`: runs of one kind are trained together, and each stays a run of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.agent.conftest import ROOT, Workshop
from tests.agent.processes import (
    MARK,
    command,
    left_over,
    marked,
)
from tests.waiting import PATIENCE

SOON = 45  # seconds: it takes 7 at most on a quiet machine
TOGETHER = ("--members", "3", "--workers", "2")  # one thread for each of two trainers


def digits(workshop: Workshop, epochs: int, models: tuple[str, ...] = ("dense", "cnn")) -> str:
    """Write a grid of eight points: models, two learning rates, seeds. Return the name of the YAML file."""
    seeds = list(range(1, 1 + 4 // len(models)))
    grid = {"model": list(models), "lr": [0.01, 0.001], "seed": seeds}
    fixed = {"dataset": "digits", "epochs": epochs, "dp": 0.2}
    parameters: dict[str, Any] = {name: {"values": values} for name, values in grid.items()}
    parameters |= {name: {"value": value} for name, value in fixed.items()}
    config = {
        "project": workshop.folder.name,
        "method": "grid",
        "metric": {"name": "val/acc", "goal": "maximize"},
        "parameters": parameters,
        "command": ["${env}", "python", "-m", "train", "${args}"],
    }
    workshop.write("digits.yaml", yaml.safe_dump(config))
    workshop.environ |= {"PYTHONPATH": str(ROOT), MARK: str(workshop.folder)}
    return "digits.yaml"


def results(workshop: Workshop, output: str) -> dict[tuple[str, float, int], Any]:
    """The finished run of each point."""
    runs = [run for run in workshop.runs(output) if run.state == "finished"]
    return {(run.config["model"], run.config["lr"], run.config["seed"]): run for run in runs}


def await_steps(workshop: Workshop, process: subprocess.Popen[str], epoch: str) -> None:
    """Wait until a run has said that it has come so far."""
    deadline = time.monotonic() + PATIENCE
    while not any(f"epoch {epoch}" in log for log in workshop.logs().values()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_runs_trained_together_end_as_they_do_alone(workshop: Workshop) -> None:
    sweep = digits(workshop, epochs=2)
    code, output = workshop.agent(sweep, *TOGETHER)
    assert code == 0, output
    together = results(workshop, output)
    code, output = workshop.agent(sweep)
    assert code == 0, output
    alone = results(workshop, output)
    assert len(together) == 8
    assert together.keys() == alone.keys()
    for point, run in together.items():
        for name in ("train/loss", "val/loss", "test/loss"):
            assert run.summary[name] == pytest.approx(alone[point].summary[name], rel=0.01), (point, name)
        assert [row["_step"] for row in run.scan_history()] == [
            row["_step"] for row in alone[point].scan_history()
        ]
    trained = "".join(path.read_text() for path in workshop.folder.glob("wandb/*/trainer-*.log"))
    assert re.search(r"trained [23] runs together", trained)
    assert not left_over(str(workshop.folder))


TRAINER = """
    import os, pathlib, signal, sys
    pathlib.Path("gpus-of-" + os.path.basename(sys.argv[1])).write_text(os.environ["CUDA_VISIBLE_DEVICES"])
    signal.pause()
"""
RUN = """
    import glob, os, time, wandb
    deadline = time.monotonic() + 240
    with wandb.init() as run:
        while len(glob.glob("gpus-of-*")) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        run.log({"score": 1})
"""


def test_each_gpu_has_a_trainer_of_its_own(workshop: Workshop) -> None:
    (workshop.folder / "duo").mkdir()
    for name, text in (("__init__", ""), ("__main__", RUN), ("trainer", TRAINER)):
        workshop.write(f"duo/{name}.py", text)
    config = {
        "project": workshop.folder.name,
        "method": "grid",
        "parameters": {"seed": {"values": [1, 2]}},
        "command": ["${env}", "python", "-m", "duo", "${args}"],
    }
    workshop.write("duo.yaml", yaml.safe_dump(config))
    code, output = workshop.agent("duo.yaml", "--members", "2", environ={"CUDA_VISIBLE_DEVICES": "5,6"})
    assert code == 0, output
    assert [(workshop.folder / f"gpus-of-{index}").read_text() for index in (0, 1)] == ["5", "6"]


def test_told_to_stop_they_save_what_goes_on_alone(workshop: Workshop) -> None:
    sweep = digits(workshop, epochs=40, models=("dense",))
    kept = ("--checkpoint-dir", str(workshop.folder / "kept"))
    process = workshop.start(sweep, *TOGETHER, *kept)
    await_steps(workshop, process, "3/40")
    process.terminate()
    output, _ = process.communicate(timeout=SOON)
    assert process.returncode == 3, output
    assert not left_over(str(workshop.folder))
    assert {run.state for run in workshop.runs(output)} == {"preempted"}
    name = next(word for word in output.split() if word.count("/") == 2)
    code, output = workshop.agent(name, *kept)
    assert code == 0, output
    assert len(results(workshop, output)) == 8
    assert any("going on at step" in log for log in workshop.logs().values())


def test_a_killed_trainer_costs_its_runs_alone(workshop: Workshop) -> None:
    process = workshop.start(digits(workshop, epochs=10, models=("dense",)), *TOGETHER)
    await_steps(workshop, process, "2/10")
    trainers = [pid for pid in marked(str(workshop.folder)) if output_of(pid).startswith("trainer-")]
    os.kill(trainers[0], signal.SIGKILL)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert "the trainer process that this run shares with others has ended" in output
    assert "a trainer ended, and its runs with it: killed by SIGKILL" in output
    assert len(results(workshop, output)) == 8
    assert not left_over(str(workshop.folder)), command(trainers[0])


def output_of(pid: int) -> str:
    """The file that a process writes to: forks of one program differ in nothing else."""
    return Path(f"/proc/{pid}/fd/1").readlink().name


def test_the_agent_itself_does_not_import_the_program(workshop: Workshop) -> None:
    (workshop.folder / "loud").mkdir()
    workshop.write("loud/__init__.py", "import sys; print('loaded by', *sys.argv, file=sys.stderr)")
    workshop.write("loud/job.py", "import wandb\nwandb.init().finish()\n")
    config = {"method": "grid", "parameters": {"x": {"values": [1]}}, "program": "loud.job"}
    config["command"] = ["${env}", "python", "-m", "loud.job", "${args}"]
    workshop.environ["PYTHONPATH"] = str(workshop.folder)
    workshop.write("loud.yaml", yaml.safe_dump(config | {"project": workshop.folder.name}))
    code, output = workshop.agent("loud.yaml", "--workers", "1")
    assert code == 0, output
    assert "1 finished" in output
    assert "loaded by" not in output  # it is in the log of the process that runs are forked from
