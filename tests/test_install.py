"""The tool as pip installs it, in the folder of somebody whose modules have the names of ours."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb

ROOT = Path(__file__).parents[1]
OWN = ("server.py", "search.py", "page.py", "workers.py", "analysis.py", "utils.py", "client.py", "report.py")
PACKAGES = ("train", "sweeps", "forks", "agent")
BUNDLING = ("vendor/build.sh", "vendor/entry.js")  # how the page's libraries were made into one file
PROGRAM = f"""
import {", ".join(name.removesuffix(".py") for name in OWN)}
import {", ".join(PACKAGES)}
import sys, wandb
names = {[*(name.removesuffix(".py") for name in OWN), *PACKAGES]!r}
with wandb.init() as run:
    run.log({{"score": sum(sys.modules[name].WHOSE == "mine" for name in names)}})
"""
SWEEP = """
program: program.py
method: grid
metric: {name: score, goal: maximize}
parameters: {x: {values: [1, 2]}}
"""


WITHOUT_LUCK = """
import argparse, pathlib, wandb
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
x = parser.parse_args().x
with wandb.init(config={"x": x}) as run:
    assert x != 2 or pathlib.Path("luck").exists(), "no luck"
    run.log({"score": x})
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, names.split("\0")):  # a copy: building leaves folders behind
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "./source",
    ]
    subprocess.run(command, cwd=folder, check=True)
    (made,) = folder.glob("*.whl")
    return made


def test_one_name_is_installed_and_every_file_of_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"metasweep"}
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "metasweep").rglob("*") if path.is_file()}
    left_out = {path for path in here - set(names) if "__pycache__" not in path}
    assert {path for path in left_out if not path.endswith((".md", *BUNDLING))} == set()


@pytest.fixture
def folder(tmp_path: Path, wheel: Path) -> Iterator[Path]:
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    own = tmp_path / "own"
    for name in (*OWN, *(f"{package}/__init__.py" for package in PACKAGES)):
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_text("WHOSE = 'mine'\nimport sys\nprint(__name__, 'was run', file=sys.stderr)\n")
    (own / "program.py").write_text(PROGRAM)
    (own / "sweep.yaml").write_text(SWEEP)
    yield own
    metasweep(own, "server", "stop")


def metasweep(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command, without this repository in reach."""
    start = (
        "import sys; sys.path.remove(''); from metasweep import cli; "
        f"assert cli.__file__.startswith({str(folder.parent)!r}); cli.main(prog_name='metasweep')"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    path = os.pathsep.join((str(folder.parent / "installed"), str(Path(wandb.__file__).parents[1])))
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        cwd=folder,
        env=environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )


def test_it_works_among_modules_of_the_same_names(folder: Path) -> None:
    done = metasweep(folder, "agent", "sweep.yaml", "--local")
    assert done.returncode == 0, done.stderr
    assert f"best score {len(OWN) + len(PACKAGES)}" in done.stderr
    assert "was run" not in done.stderr, "in the agent itself"
    name = done.stdout.strip()
    for command, code in (("status", 0), ("table", None), ("report", None)):
        done = metasweep(folder, command, name, "--local")
        assert "was run" not in done.stderr
        assert "Traceback" not in done.stderr
        assert code in (None, done.returncode)


def test_every_command_that_the_agent_names_works_as_it_stands(folder: Path) -> None:
    (folder / "program.py").write_text(WITHOUT_LUCK)
    place = ("--local", "--server-dir", "the state")
    failed = metasweep(folder, "agent", "sweep.yaml", *place)
    assert failed.returncode == 4, failed.stderr
    name = failed.stdout.strip()
    (folder / "luck").touch()
    follow(folder, failed.stderr, ["agent", "table"])
    (folder / "sweep.yaml").write_text(SWEEP.replace("[1, 2]", "[1, 2, 3]"))
    grown = metasweep(folder, "agent", "sweep.yaml", *place, "--extend", name)
    assert f"metasweep table {name} {grown.stdout.strip()} --local" in grown.stderr, "both are one study"
    follow(folder, grown.stderr, ["status", "table", "server"])


def follow(folder: Path, said: str, commands: list[str]) -> None:
    """Type those commands of a text that begin with the given words; all of these must be there, in order."""
    named = [shlex.split(found) for found in re.findall(r"metasweep (.*)", said)]
    assert [words[0] for words in named if words[0] in commands] == commands, said
    for words in named:
        if words[0] in commands:
            done = metasweep(folder, *words)
            assert done.returncode == 0, (words, done.stderr)
