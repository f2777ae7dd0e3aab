"""A process that is started ahead of its run makes the imports with which the program begins."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from metasweep.forks.leading_imports import leading_imports
from metasweep.forks.processes.program import parse
from tests.agent.conftest import Workshop


def texts(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[tuple[str, str]]:
    """Return the leading imports of a program, each with the module that makes it."""
    monkeypatch.chdir(folder)
    return [(module, text) for _, _, module, _, text in leading_imports(parse([sys.executable, *words]))]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("'''Words.'''\nfrom __future__ import annotations\nimport os, torch\nSEED = 1\nimport yaml", 2),
        ("import os\nos.environ['A'] = '1'\nimport torch", 1),
        ("import sys\nsys.path.insert(0, 'vendor')\nimport torch", 1),
        ("import torch\ntry:\n    import yaml\nexcept ImportError: pass", 1),
        ("import torch\nimport mpi4py.MPI\nimport yaml", 1),
        ("def main():\n    import torch", 0),
        ("import torch, own.plain", 0),
        ("not Python", 0),
    ],
)
def test_what_a_program_begins_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, expected: int
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "plain.py").touch()
    (tmp_path / "train.py").write_text(source)
    assert len(texts(tmp_path, monkeypatch, "train.py")) == expected


def test_imports_of_the_program_s_own_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    files = {
        "__init__": "import json",
        "train": "from own import data\nfrom . import model\nimport yaml",
        "data": "from __future__ import annotations\nimport numpy as np",
        "model": "from torch import nn\nclass Model(nn.Module): pass",
    }
    for name, text in files.items():
        (tmp_path / "own" / f"{name}.py").write_text(text)
    assert texts(tmp_path, monkeypatch, "-m", "own.train") == [
        ("own", "import json"),
        ("own.data", "import numpy as np"),
        ("own.model", "from torch import nn"),
    ]


PROGRAM = """
    import sys, timm, wandb
    hash("")  # not to be forked
    with wandb.init() as run:
        run.log({"score": 1, "imported": timm.when, "run": run.id, "known": timm.known, "left": timm.left()})
        print("the end")
"""
LIBRARY = """
    import os, time, warnings
    def left():
        return [os.environ.pop("LEFT"), type(os.environ._data).__name__, os.environ.get("GONE", "gone")]
    when, known = time.clock_gettime(time.CLOCK_BOOTTIME), ASKED
    os.environ["LEFT"] = "by the import"
    os.environ.pop("GONE", None)
    warnings.warn("old")
"""


@pytest.mark.parametrize(
    ("asked", "ahead"),
    [
        ("''", True),
        ("os.environ['HOME'] and ''", True),
        ("os.environ.get('WANDB_RUN_ID', 'none')", False),
        ("dict(os.environ).get('WANDB_RUN_ID', 'none')", False),
        ("__import__('sys').argv[-1]", False),
    ],
)
def test_an_import_that_asks_for_the_run_is_not_made_ahead_of_it(
    workshop: Workshop, asked: str, ahead: bool
) -> None:
    (workshop.folder / "path").mkdir()
    workshop.write("path/timm.py", LIBRARY.replace("ASKED", asked))
    path = f"{workshop.folder / 'path'}:{workshop.environ['PYTHONPATH']}"
    sweep = workshop.sweep(PROGRAM, values=3)
    environ = {"PYTHONPATH": path, "GONE": "here"}
    code, output = workshop.agent(sweep, "--workers", "1", environ=environ)
    assert code == 0, output
    assert ("are not made ahead" in output) is not ahead
    runs = workshop.runs(output)
    assert len(runs) == 3
    known = {"WANDB" in asked: "run", "argv" in asked: "argument"}.get(True, "")
    for run in runs:
        right = {"run": run.id, "argument": f"--x={run.config['x']}", "": ""}[known]
        assert run.summary["known"] == right
        assert run.summary["left"] == ["by the import", "dict", "gone"]
        log = next(workshop.folder.glob(f"wandb/sweep-*/run-{run.id}.log")).read_text()
        assert "program.py:1: UserWarning: old" in log or "timm.py" in log
        assert log.count("UserWarning") == 1
