"""The agent's files of a sweep: for their owner, and in their folder alone, whatever the server says."""

from __future__ import annotations

import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from metasweep.agent.runs import runfiles


def sweep(sweep_id: str) -> Any:
    return SimpleNamespace(name=SimpleNamespace(id=sweep_id), config={"program": "p.py"})


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    return tmp_path / "wandb"


def test_the_folder_is_for_its_owner_also_when_it_was_not(folder: Path) -> None:
    (folder / "sweep-old").mkdir(parents=True)
    (folder / "sweep-old").chmod(0o755)
    for name in ("old", "new"):
        made = runfiles.make_folder(name)
        assert (made, stat.S_IMODE(made.stat().st_mode)) == (folder / f"sweep-{name}", 0o700)


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/tmp/x", "a/b", "x/"])
def test_a_hostile_server_makes_no_file_elsewhere(folder: Path, name: str) -> None:
    with pytest.raises(click.ClickException, match="calls the sweep"):
        runfiles.make_folder(name)
    with pytest.raises(click.ClickException, match="calls a run"):
        runfiles.prepare(sweep("s"), {"run_id": name}, {}, ())
    assert not folder.exists()


def test_what_cannot_be_written_is_one_line_with_the_path_and_the_way_out(folder: Path) -> None:
    (folder / "sweep-s" / "config-r.yaml").mkdir(parents=True)
    with pytest.raises(click.ClickException, match=r"cannot write .*config-r.yaml .*WANDB_DIR"):
        runfiles.prepare(sweep("s"), {"run_id": "r"}, {}, ())
