"""A run that is interrupted, anywhere, ends with the numbers and the rows of one that is not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import wandb

from tests.conftest import ServerProcess
from train.__main__ import main
from train.config import Config, parse
from train.data import DataSet, load
from train.errors import TrainError
from train.loop import Training
from train.resuming.checkpoint import Checkpoint

CPU = torch.device("cpu")
ARGUMENTS = ("--dataset", "digits", "--model", "dense", "--dp", "0.3", "--batch-size", "8", "--epochs", "5")
PATIENCE = 240  # seconds: importing torch takes a minute on a busy machine
OF_THE_CLOCK = ("_timestamp", "_runtime", "_wandb", "images_per_second", "test/confusion")


def weights(training: Training) -> list[torch.Tensor]:
    return list(training.model.state_dict().values())


def through_a_file(state: dict[str, Any], path: Path) -> dict[str, Any]:
    torch.save(state, path)
    return torch.load(path, weights_only=True)


@pytest.mark.parametrize("model", ["dense", "cnn"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_training_goes_on_bit_by_bit_from_every_interval(
    model: str, optimizer: str, tmp_path: Path
) -> None:
    data: DataSet = load("digits", "data", 0.1)
    options: dict[str, Any] = {"model": model, "optimizer": optimizer, "schedule": "cosine"}
    config = Config(lr=0.01, dp=0.3, epochs=2, batch_size=12, dataset="digits", **options)

    def steps(training: Training) -> Iterator[float]:
        while training.epochs_done < config.epochs:
            yield from (interval.loss for interval in training.train_epoch())

    whole = Training(config, data, CPU, torch.float32)
    losses = list(steps(whole))
    assert len(losses) > 4  # some of them within an epoch
    broken = Training(config, data, CPU, torch.float32)
    pieced = []
    for _ in losses:  # a new process for every interval
        pieced.append(next(iter(steps(broken))))
        state = through_a_file(broken.state(), tmp_path / "state.pt")
        broken = Training(config, data, CPU, torch.float32)
        torch.rand(7)
        broken.restore(state)
    assert pieced == losses
    assert all(
        torch.equal(ours, theirs) for ours, theirs in zip(weights(broken), weights(whole), strict=True)
    )


def begin(
    server: ServerProcess, run_id: str, *arguments: str, sweep: str | None = None
) -> subprocess.Popen[str]:
    """Start a run on the server, perhaps one of a sweep."""
    environ = {"WANDB_PROJECT": "resumed", "WANDB_RUN_ID": run_id, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "train", *ARGUMENTS, *arguments],
        env=server.env | environ | ({"WANDB_SWEEP_ID": sweep} if sweep else {}),
        cwd=server.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def interrupt(process: subprocess.Popen[str], line: str, how: str) -> str:
    """End a run when it prints a line; what it says after that."""
    assert process.stdout
    for said in process.stdout:
        if said.startswith(line):
            break
    getattr(process, how)()
    rest, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    return rest


def finish(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    return output


def reported(run_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Summary and history of a run, without what the clock decides."""
    run = wandb.Api().run(f"resumed/{run_id}")
    assert run.state == "finished"

    def lasting(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in OF_THE_CLOCK}

    return lasting(dict(run.summary)), [lasting(row) for row in run.scan_history()]


def leave_torn(folder: Path, run_id: str) -> None:
    """What a disk may make of a checkpoint, and the draft of a process that was killed while saving."""
    folder.mkdir()
    checkpoint = Checkpoint(parse([*ARGUMENTS, f"--checkpoint-dir={folder}"]), run_id)
    checkpoint.save({"rows": list(range(999))})
    path = folder / f"{run_id}.pt"
    os.truncate(path, path.stat().st_size // 2)
    (folder / f"{run_id}.pt.node1.17").write_bytes(b"half")


@pytest.fixture(scope="module")
def whole(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that nothing interrupts; it finds a damaged checkpoint, and leaves none."""
    folder = tmp_path_factory.mktemp("whole") / "kept"
    leave_torn(folder, "whole")
    output = finish(begin(server, "whole", f"--checkpoint-dir={folder}"))
    assert f"checkpoint {folder / 'whole.pt'} is damaged: starting from scratch" in output
    assert list(folder.iterdir()) == []
    return "whole"


@pytest.mark.usefixtures("client_env")
def test_an_interrupted_run_reports_what_a_whole_one_does(
    server: ServerProcess, whole: str, tmp_path: Path
) -> None:
    folder = tmp_path / "[1]"  # as batch systems name folders
    option = f"--checkpoint-dir={folder}"
    assert "told to stop" in interrupt(begin(server, "broken", option), "epoch 2/", "terminate")
    assert wandb.Api().run("resumed/broken").state == "preempted"
    interrupt(begin(server, "broken", option), "epoch 4/", "kill")
    assert (folder / "broken.pt").exists()  # maybe beside a draft, if the kill came while it was written
    output = finish(begin(server, "broken", option))
    assert "going on at step" in output
    assert "epoch 3/" not in output
    assert list(folder.iterdir()) == []
    assert reported("broken") == reported(whole)
    assert len(reported(whole)[1]) == 5 * 4  # 162 steps of 8 images, a row for 50


@pytest.mark.usefixtures("client_env")
def test_a_lost_run_is_continued_by_the_next_attempt_at_its_point(
    server: ServerProcess, whole: str, tmp_path: Path
) -> None:
    config: dict[str, Any] = {"method": "grid", "parameters": {"seed": {"values": [0, 1]}}}
    sweep = wandb.sweep(config, project="resumed")
    option = f"--checkpoint-dir={tmp_path}"
    interrupt(begin(server, "lost", option, sweep=sweep), "epoch 3/", "kill")
    (kept,) = tmp_path.glob("*.pt")  # a draft may lie beside it, if the kill came while it was written
    assert kept.name.startswith(f"{sweep}-")
    finish(begin(server, "other", option, "--seed=9", sweep=sweep))
    assert list(tmp_path.glob("*.pt")) == [kept], "another point neither uses nor removes it"
    output = finish(begin(server, "retry", option, sweep=sweep))
    assert "going on at step" in output
    assert "epoch 2/" not in output
    assert list(tmp_path.iterdir()) == []
    summary, history = reported("retry")
    assert summary.pop("continued_from") == "lost"
    assert summary.pop("continued_at") >= 2 * 162
    assert (summary, history) == reported(whole)


def test_a_checkpoint_is_read_by_a_run_of_the_same_options_only(tmp_path: Path) -> None:
    def checkpoint(*arguments: str) -> Checkpoint:
        return Checkpoint(parse([f"--checkpoint-dir={tmp_path}", *arguments]), "a")

    assert checkpoint().load() is None
    checkpoint().save({"rows": [(1, {"x": 0.5})]})
    assert checkpoint("--data-dir=elsewhere").load() == {"rows": [(1, {"x": 0.5})]}
    with pytest.raises(TrainError, match=r"checkpoint .*a\.pt is of a run with other options"):
        checkpoint("--seed=2").load()
    (tmp_path / "a.pt").write_text("no checkpoint")
    with pytest.raises(TrainError, match="is damaged"):
        checkpoint().load()


def test_a_folder_that_cannot_be_made_costs_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main([*ARGUMENTS, f"--checkpoint-dir={tmp_path}/file/x"]) == 1
    assert capsys.readouterr().err == f"Error: --checkpoint-dir {tmp_path}/file/x: Not a directory\n"
