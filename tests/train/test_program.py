"""``python -m train``: what it logs, what it says, how it ends."""

import os
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import wandb

from tests.conftest import ServerProcess
from tests.train.conftest import ROOT, Run
from train.__main__ import main
from train.config import Config, parse

MNIST = Path(os.environ.get("METASWEEP_MNIST", ROOT.parent / "shared" / "data"))
MISTAKES = [
    (["--lr", "0"], 2, "--lr"),
    (["--lr", "nan"], 2, "--lr"),
    (["--lr", "fast"], 2, "'fast' is not a number"),
    (["--dp", "1"], 2, "below 1"),
    (["--epochs", "1.5"], 2, "'1.5' is not a whole number"),
    (["--batch_size", "0"], 2, "--batch-size"),
    (["--model", "transformer"], 2, "'dense', 'cnn'"),
    (["--momentum", "0.9"], 2, "--momentum"),
    (["digits"], 2, "digits"),
    (["--dataset", "digits", "--val-size", "0.0005"], 1, "--val-size"),
    (["--data-dir", "nowhere"], 1, "train-images-idx3-ubyte"),
]


@pytest.mark.parametrize(("arguments", "code", "hint"), MISTAKES, ids=lambda value: str(value))
def test_a_mistake_costs_one_line(
    arguments: list[str],
    code: int,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # no way out to a download
    assert main(arguments) == code
    said = capsys.readouterr()
    assert hint in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_a_gpu_that_is_not_there_costs_one_line(train: Run) -> None:
    result = train("--device", "cuda", CUDA_VISIBLE_DEVICES="")
    assert result.returncode == 1
    assert "--device auto or cpu" in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all("--" + item.name.replace("_", "-") in said for item in fields(Config))


def test_names_and_numbers_are_read_as_sweeps_write_them() -> None:
    assert parse(["--batch_size=128", "--lr=1e-05", "--dp=0"]) == Config(batch_size=128, lr=1e-5, dp=0)


def test_no_server_and_no_key_are_needed_offline(train: Run) -> None:
    result = train("--dataset", "digits", "--epochs", "3", "--lr", "0.01")
    assert result.returncode == 0, result.stderr
    assert [line[:9] for line in result.stdout.splitlines()] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]
    assert "Traceback" not in result.stderr


def test_online_without_a_key_ends_with_one_line(train: Run) -> None:
    result = train("--dataset", "digits", WANDB_MODE="online", WANDB_BASE_URL="http://127.0.0.1:9")
    assert result.returncode == 1
    assert "No API key" in result.stderr
    assert "Traceback" not in result.stderr


def run_online(server: ServerProcess, project: str, *arguments: str) -> Any:
    """Train on the server, in a process; the run as the API then shows it."""
    environment = {"WANDB_PROJECT": project, "OMP_NUM_THREADS": "1"}
    result = server.run(sys.executable, "-m", "train", "--dataset", "digits", *arguments, **environment)
    assert result.returncode == 0, result.stderr
    [run] = wandb.Api().runs(project)
    assert run.state == "finished"
    return run


@pytest.mark.usefixtures("client_env")
def test_a_run_is_logged_by_the_contract(server: ServerProcess, tmp_path: Path) -> None:
    run = run_online(server, "contract", "--lr", "0.01", "--epochs", "3")
    assert {item.name for item in fields(Config)} <= run.config.keys()
    assert run.config["lr"] == 0.01
    assert run.config["versions"]["wandb"] == wandb.__version__
    measured = {f"{part}/{name}" for part in ("train", "val", "test") for name in ("loss", "acc")}
    assert measured | {"epoch", "images_per_second", "diverged", "confusion"} <= run.summary.keys()
    history = list(run.scan_history())
    assert [row["epoch"] for row in history if row.get("epoch")] == [1, 2, 3]
    assert history[-1]["val/acc"] == run.summary["val/acc"] > 0.85
    confusion = run.summary["confusion"]
    assert run.summary["test/acc"] == sum(confusion[i][i] for i in range(10)) / sum(map(sum, confusion))
    assert [sum(row) for row in confusion] == run.config["class_counts"]["test"], "a row is a true class"
    (page,) = (file for file in run.files() if file.name.endswith(".html"))
    with page.download(root=str(tmp_path)) as file:
        shown = [int(count) for count in re.findall(r">(\d+)</td>", file.read())]
    assert shown == [count for row in confusion for count in row]


@pytest.mark.usefixtures("client_env")
def test_a_run_that_diverges_is_finished_with_chance_accuracy(server: ServerProcess) -> None:
    run = run_online(server, "diverged", "--model", "dense", "--lr", "1e30", "--epochs", "5")
    assert run.summary["diverged"] is True
    assert run.summary["train/loss"] in ("NaN", "Infinity")
    assert run.summary["epoch"] == 1
    assert 0.05 < run.summary["val/acc"] < 0.15
    assert 0.05 < run.summary["test/acc"] < 0.15


@pytest.mark.skipif(not (MNIST / "MNIST" / "raw").is_dir(), reason="needs MNIST: set METASWEEP_MNIST")
def test_mnist_in_one_epoch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert main(["--model", "dense", "--epochs", "1", "--data-dir", str(MNIST)]) == 0
    assert float(capsys.readouterr().out.partition("test acc ")[2].partition("%")[0]) > 95
