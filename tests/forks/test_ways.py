"""Which programs are forked: those that ask for it, and those that cannot notice it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from metasweep.forks.processes import interpreter
from metasweep.forks.processes.program import parse
from metasweep.forks.ways import Choice, Way, choose


def write(folder: Path, sources: dict[str, str]) -> None:
    """Write files."""
    for name, source in sources.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(source)


def way_of(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Choice:
    monkeypatch.chdir(folder)
    return choose(parse([sys.executable, *(words or ("train.py",))]))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os, sys, argparse, json, torch.nn, numpy as np\nfrom sklearn import svm\nimport wandb", ""),
        ("import os\nhome = os.environ['HOME'], os.environ.get('X'), 'Y' in os.environ, os.getenv('Z')", ""),
        ("print(len({1, 2}), sorted(set('ab')), 3 in {3, 4}, sorted(set('ab') - {'a'}))", ""),
        ("import own.tools", ""),
        ("import os\nos.environ['HF_HOME'] = '/scratch'", "line 2, changes environ"),
        ("import os\nos.environ.setdefault('A', 'b')", "changes environ"),
        ("import os\ndef f(x): os.environ.update(x)", "changes environ"),
        ("import os\ncopy = os.environ", "changes environ"),
        ("from os import environ", "imports from os"),
        ("import os as o", "renames os or sys"),
        ("import sys\nsys.path.insert(0, 'vendor')", "line 2, uses sys.path"),
        ("from sys import path", "imports from sys"),
        ("import tensorflow", "imports tensorflow"),
        ("def later():\n    import jax", "line 2, imports jax"),
        ("import importlib", "imports importlib"),
        ("print(hash('a'))", "calls hash()"),
        ("for word in set('abc'): print(word)", "order of a set"),
        ("words = {w for w in 'abc'}", "order of a set"),
        ("from own import other", "other.py, line 1, calls exec()"),
        ("import own.other", "other.py, line 1, calls exec()"),
        ("from own.other import x", "other.py, line 1, calls exec()"),
        ("import own.relative", "other.py, line 1, calls exec()"),
    ],
)
def test_what_a_program_could_tell_a_fork_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    own = {"__init__": "", "tools": "import numpy", "other": "exec('1')", "relative": "from . import other"}
    write(tmp_path, {"train.py": source} | {f"own/{name}.py": text for name, text in own.items()})
    choice = way_of(tmp_path, monkeypatch)
    assert choice.way is (Way.AHEAD if reason else Way.FORK), choice
    assert reason in choice.reason


def test_a_package_that_warms_up_answers_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        tmp_path,
        {"own/__init__.py": "import jax\ndef warm_up(arguments): pass", "own/train.py": "print(hash('a'))"},
    )
    choice = way_of(tmp_path, monkeypatch, "-m", "own.train")
    assert (choice.way, choice.imports) == (Way.FORK, ("own",))
    write(tmp_path, {"own/__init__.py": "def warm_down(): pass"})
    assert way_of(tmp_path, monkeypatch, "-m", "own.train").way is Way.AHEAD


def test_a_module_with_the_name_of_an_installed_package_is_not_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed"
    write(installed, {"own/__init__.py": "def warm_up(arguments): pass"})
    monkeypatch.syspath_prepend(installed)
    assert way_of(tmp_path, monkeypatch, "-m", "own").imports == ("own",)
    write(tmp_path, {"own.py": "hash('')"})
    assert way_of(tmp_path, monkeypatch, "-m", "own").way is Way.AHEAD


def test_a_program_whose_source_is_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert way_of(tmp_path, monkeypatch, "-m", "timeit").way is Way.AHEAD


@pytest.mark.parametrize("name", ["_clear", "_run_exitfuncs"])
def test_a_python_without_the_private_names_does_not_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write(tmp_path, {"train.py": "import wandb"})
    assert way_of(tmp_path, monkeypatch).way is Way.FORK, "this Python has them all"
    monkeypatch.delattr(interpreter.atexit, name)
    choice = way_of(tmp_path, monkeypatch)
    assert choice.way is Way.AHEAD
    assert f"this Python has no atexit.{name}" in choice.reason


def test_the_user_and_other_programs_are_cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"train.py": "import wandb"})
    monkeypatch.chdir(tmp_path)
    assert choose(parse([sys.executable, "train.py"]), cold=True).way is Way.COLD
    for words, name in (
        (["bash", "train.sh"], "bash"),
        (["/usr/bin/env", "./run.sh", "python"], "./run.sh"),
        ([sys.executable, "-c", "pass"], "python -c"),
        ([sys.executable, "-X", "dev", "train.py"], "python -X"),
        (["/usr/bin/env", sys.executable, "-u", "app.pyz"], "python app.pyz"),
    ):
        choice = choose(parse(words))
        reason = f"each run gets a new process: {name} is no module or .py file of this Python"
        assert (choice.way, choice.reason) == (Way.COLD, reason)
